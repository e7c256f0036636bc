-- 100,000 orders, one placed each minute, with the last event of each in the log. A thousandth of
-- them waits for each party, or has a rare fact.

INSERT INTO readmodel.order_view
    (order_id, number, customer_id, status, reason, currency, total, price, refunds, lines,
     fingerprint, promises, reference, return_requested, placed_at, updated_at,
     placed_position, position)
SELECT 'o' || i, 'W-' || i, 'customer-' || i % 5000,
       CASE WHEN i % 1000 = 1 THEN 'RESERVED' WHEN i % 1000 = 2 THEN 'CONFIRMED'
            WHEN i % 1000 = 3 THEN 'SHIPPED' WHEN i % 100 = 4 THEN 'CANCELLED'
            ELSE 'COMPLETED' END,
       CASE WHEN i % 100 = 4 THEN 'PARCEL_LOST' END,
       CASE WHEN i % 2 = 0 THEN 'EUR' ELSE 'GBP' END, i * 7919 % 100000,
       '{"currency": "EUR", "lines": 1, "total": 1}', '[]',
       jsonb_build_array(jsonb_build_object(
           'id', 'l', 'sku', 'sku-' || i % 1000, 'name', 'A thing', 'quantity', 1,
           'unit_price', 1, 'discount', 0, 'tax', 0)),
       'f',
       '{"backorder": "P1D", "payment_window": "P1D", "dispatch": "P1D", "delivery": "P1D",
         "return_window": "P1D", "return_delivery": "P1D"}',
       CASE WHEN i % 1000 = 5 THEN 'PO-' || i END, i % 1000 = 6,
       timestamptz '2026-01-01 00:00Z' + i * interval '1 minute',
       timestamptz '2026-01-01 00:00Z' + i * interval '2 minutes',
       2 * i, 2 * i + 1
FROM generate_series(0, 99999) AS i;

INSERT INTO readmodel.payment_view
    (order_id, status, attempt, currency, amount, reference, position)
SELECT 'o' || i, CASE WHEN i % 1000 = 1 THEN 'PENDING' WHEN i % 1000 = 2 THEN 'AUTHORIZED'
                      ELSE 'CAPTURED' END, 1, 'EUR', 1, 'pi_' || i, 1
FROM generate_series(0, 99999) AS i;

INSERT INTO readmodel.shipment_view (order_id, status, shipment_id, tracking_number, position)
SELECT 'o' || i, CASE WHEN i % 1000 = 3 THEN 'DISPATCHED' ELSE 'DELIVERED' END, 's', 'T' || i, 1
FROM generate_series(0, 99999) AS i WHERE i % 1000 NOT IN (1, 2);

INSERT INTO readmodel.backorder_view (order_id, sku, quantity, position)
SELECT 'o' || i * 1000 + 7, 'mug', 1, 1
FROM generate_series(0, 99) AS i;

INSERT INTO readmodel.parked_step
    (order_id, step, undoing, parking, code, message, workflow_id, parked_at, position)
SELECT 'o' || i * 1000 + 8, 'capture', false, 1, 'C', 'm', 'w', timestamptz '2026-01-01 00:00Z', 1
FROM generate_series(0, 99) AS i;

INSERT INTO eventstore.subject_key (subject, key_id, wrapped, master_key_id, made_after)
SELECT 'customer-' || i, gen_random_uuid(), '', 'm', 0
FROM generate_series(0, 4999) AS i;

INSERT INTO readmodel.order_contact (order_id, key_id, email_digest)
SELECT 'o' || i, key_id, 'digest-' || i % 5000
FROM generate_series(0, 99999) AS i
JOIN eventstore.subject_key ON subject = 'customer-' || i % 5000;

INSERT INTO eventstore.event
    (position, stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
SELECT 2 * i + n, 'order-o' || i, n + 1, gen_random_uuid(), 'OrderReserved', 1,
       jsonb_build_object('order_id', 'o' || i), '{"correlation_id": "o"}',
       timestamptz '2026-01-01 00:00Z'
FROM generate_series(0, 99999) AS i, generate_series(0, 1) AS n;

SELECT setval('eventstore.event_position', 199999);
