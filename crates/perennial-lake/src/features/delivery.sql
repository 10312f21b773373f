-- Delivery: whether what a customer ordered came, and came in time.
-- 配送：送达、延误与时长
-- key: customer_id; tables: orders
--
-- A delivery is known from its own instant on; the promised instant is known with the order.
--
-- column: deliveries_all | whole | count | 0 | orders delivered before the as-of day | 已送达订单数
-- column: deliveries_late_all | whole | count | 0 | of those, delivered after the promised instant | 延误送达订单数
-- column: delivery_late_share | float | share | null | late among the delivered orders that had a promise | 延误占比
-- column: deliveries_overdue | whole | count | 0 | orders promised before the as-of day and not delivered before it | 逾期未送达订单数
-- column: delivery_days_mean | float | days | null | mean days from order to delivery, counted in UTC days | 平均配送天数
WITH placed AS (
    SELECT customer_id, CASE WHEN delivered_at < $as_of_at THEN 1 ELSE 0 END AS delivered,
        CASE WHEN delivered_at < $as_of_at AND promised_at IS NOT NULL THEN 1 ELSE 0 END AS promised,
        CASE WHEN delivered_at < $as_of_at AND delivered_at > promised_at THEN 1 ELSE 0 END AS late,
        CASE WHEN promised_at < $as_of_at AND (delivered_at IS NULL OR delivered_at >= $as_of_at) THEN 1 ELSE 0 END AS overdue,
        CASE WHEN delivered_at < $as_of_at THEN CAST(CAST(delivered_at AS DATE) - CAST(ordered_at AS DATE) AS INT) END AS delivery_days
    FROM orders WHERE customer_id IS NOT NULL AND ordered_on < $as_of
)
SELECT customer_id, SUM(delivered) AS deliveries_all, SUM(late) AS deliveries_late_all,
    CAST(SUM(late) AS DOUBLE) / CAST(NULLIF(SUM(promised), 0) AS DOUBLE) AS delivery_late_share, SUM(overdue) AS deliveries_overdue,
    CAST(SUM(delivery_days) AS DOUBLE) / CAST(NULLIF(SUM(delivered), 0) AS DOUBLE) AS delivery_days_mean
FROM placed GROUP BY customer_id
