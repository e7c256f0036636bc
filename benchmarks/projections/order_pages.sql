-- Insert the rows of $1 orders that were delivered, in the order of their placing.
WITH an_order AS (
    SELECT n, md5(n::text)::uuid::text AS order_id, now() - (($1 - n) * interval '1 second') AS at
    FROM generate_series(1, $1::int) AS n
), orders AS (
    INSERT INTO readmodel.order_view
        (order_id, number, customer_id, status, currency, total, price, lines, fingerprint,
         promises, placed_at, updated_at, placed_position, position)
    SELECT order_id, 'W-' || order_id, 'customer-' || n % 1000, $2, 'EUR', 3796, $3::jsonb,
           $4::jsonb, md5(order_id), $5::jsonb, at, at, n * 7 - 6, n * 7
    FROM an_order
), payments AS (
    INSERT INTO readmodel.payment_view (order_id, status, attempt, currency, amount, position)
    SELECT order_id, $6, 1, 'EUR', 3796, n * 7 FROM an_order
)
INSERT INTO readmodel.shipment_view (order_id, status, shipment_id, position)
SELECT order_id, $7, 'shipment-' || n, n * 7 FROM an_order
