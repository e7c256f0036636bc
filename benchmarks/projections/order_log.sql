-- Insert $1 orders with one event for each given type and its data. The events of 1,000 orders lie
-- among each other, as concurrent sagas append them.
INSERT INTO eventstore.event
    (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
SELECT 'order-' || order_id,
       version,
       gen_random_uuid(),
       type,
       1,
       replace(data, 'ORDER_ID', order_id)::jsonb,
       jsonb_build_object('correlation_id', order_id,
                          'causation_id', '6f1c1b52-0d55-5e0e-8a7e-1b0e6f0a9d3c',
                          'traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
                          'actor', 'system',
                          'workflow_id', 'order-' || order_id,
                          'step', 'reserve_stock'),
       clock_timestamp()
FROM generate_series(0, $1::int - 1) AS n
CROSS JOIN LATERAL (SELECT md5(n::text)::uuid::text AS order_id) AS an_order
CROSS JOIN unnest($2::text[], $3::text[]) WITH ORDINALITY AS event (type, data, version)
ORDER BY n / 1000, version, n
