-- Discounts: how much of what a customer buys is bought at a reduced price.
-- 折扣：折扣与优惠券的使用
-- key: customer_id; tables: order_items, orders
--
-- Lines of cancelled orders do not count; a coupon of one does, since it was used when the order was placed.
--
-- column: discount_cents_all | whole | cents | 0 | line discounts so far | 累计折扣
-- column: discount_cents_90d | whole | cents | 0 | line discounts in the 90 days before the as-of day | 近90天折扣
-- column: discount_cents_share | float | share | null | line discounts by sales before discount, where those are positive | 折扣占比
-- column: discounted_lines_share | float | share | null | order lines with a discount | 折扣商品行占比
-- column: coupon_orders_all | whole | count | 0 | orders placed with a coupon code so far | 使用优惠券的订单数
-- column: coupon_orders_share | float | share | null | orders placed with a coupon code among all orders placed | 使用优惠券的订单占比
WITH pieces AS (
    SELECT customer_id, CAST($as_of - ordered_on AS INT) AS age_days, 1 AS order_lines, 0 AS orders, 0 AS coupons, discount_cents,
        total_cents
    FROM order_items WHERE customer_id IS NOT NULL AND ordered_on < $as_of AND kind <> 'cancelled'
    UNION ALL
    SELECT customer_id, CAST($as_of - ordered_on AS INT), 0, 1, CASE WHEN coupon_codes IS NOT NULL THEN 1 ELSE 0 END,
        CAST(0 AS BIGINT), CAST(0 AS BIGINT)
    FROM orders WHERE customer_id IS NOT NULL AND ordered_on < $as_of
), totals AS (
    SELECT customer_id, SUM(discount_cents) AS discount_cents,
        SUM(CASE WHEN age_days <= 90 THEN discount_cents ELSE 0 END) AS discount_cents_90d,
        SUM(discount_cents + total_cents) AS gross_cents, SUM(CASE WHEN discount_cents > 0 THEN 1 ELSE 0 END) AS discounted_lines,
        SUM(order_lines) AS order_lines, SUM(coupons) AS coupons, SUM(orders) AS orders
    FROM pieces GROUP BY customer_id
)
SELECT customer_id, discount_cents AS discount_cents_all, discount_cents_90d,
    CASE WHEN gross_cents > 0 THEN CAST(discount_cents AS DOUBLE) / CAST(gross_cents AS DOUBLE) END AS discount_cents_share,
    CAST(discounted_lines AS DOUBLE) / CAST(NULLIF(order_lines, 0) AS DOUBLE) AS discounted_lines_share,
    coupons AS coupon_orders_all, CAST(coupons AS DOUBLE) / CAST(NULLIF(orders, 0) AS DOUBLE) AS coupon_orders_share
FROM totals
