-- Insert $1 events of orders, 10 in each stream, equal to those that appends write.
INSERT INTO eventstore.event
    (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
SELECT 'order-' || order_id,
       n % 10 + 1,
       gen_random_uuid(),  -- as random as the derived ids
       'OrderReserved',
       1,
       jsonb_build_object('order_id', order_id),
       jsonb_build_object('correlation_id', order_id,
                          'causation_id', '6f1c1b52-0d55-5e0e-8a7e-1b0e6f0a9d3c',
                          'traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
                          'actor', 'system',
                          'workflow_id', 'order-' || order_id,
                          'step', 'reserve_stock'),
       clock_timestamp()
FROM generate_series(0, $1::int - 1) AS n
CROSS JOIN LATERAL (SELECT md5((n / 10)::text)::uuid AS order_id)
