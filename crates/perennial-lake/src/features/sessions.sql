-- Sessions: how often a customer visits, looks, adds to the cart and checks out.
-- 访问：会话、浏览、加购与结账
-- key: customer_id; tables: events
--
-- A session counts in a window by its last event before the as-of day. Events without a session count as events only.
--
-- column: sessions_30d | whole | count | 0 | sessions in the 30 days before the as-of day | 近30天会话数
-- column: sessions_90d | whole | count | 0 | sessions in the 90 days before the as-of day | 近90天会话数
-- column: product_views_30d | whole | count | 0 | `product_viewed` in the 30 days before the as-of day | 近30天商品浏览
-- column: product_views_90d | whole | count | 0 | `product_viewed` in the 90 days before the as-of day | 近90天商品浏览
-- column: cart_adds_30d | whole | count | 0 | `product_added` in the 30 days before the as-of day | 近30天加购
-- column: cart_adds_90d | whole | count | 0 | `product_added` in the 90 days before the as-of day | 近90天加购
-- column: checkouts_30d | whole | count | 0 | `checkout_started` in the 30 days before the as-of day | 近30天结账
-- column: checkouts_90d | whole | count | 0 | `checkout_started` in the 90 days before the as-of day | 近90天结账
-- column: searches_90d | whole | count | 0 | `products_searched` in the 90 days before the as-of day | 近90天搜索
-- column: carts_abandoned_30d | whole | count | 0 | sessions of the last 30 days with `product_added` and no `order_completed` | 近30天弃购
-- column: carts_abandoned_90d | whole | count | 0 | sessions of the last 90 days with `product_added` and no `order_completed` | 近90天弃购
-- column: cart_add_ratio_90d | float | ratio | null | cart additions per product view of the last 90 days | 近90天加购率
-- column: checkout_ratio_90d | float | ratio | null | checkouts per cart addition of the last 90 days | 近90天结账率
-- column: days_since_last_event | whole | days | null | as-of day less the day of the last event | 距上次访问天数
WITH seen AS (
    SELECT customer_id, session_id, name, CAST($as_of - occurred_on AS INT) AS age_days
    FROM events WHERE customer_id IS NOT NULL AND occurred_on < $as_of
), counted AS (
    SELECT customer_id, MIN(age_days) AS days_since_last_event,
        SUM(CASE WHEN name = 'product_viewed' AND age_days <= 30 THEN 1 ELSE 0 END) AS product_views_30d,
        SUM(CASE WHEN name = 'product_viewed' AND age_days <= 90 THEN 1 ELSE 0 END) AS product_views_90d,
        SUM(CASE WHEN name = 'product_added' AND age_days <= 30 THEN 1 ELSE 0 END) AS cart_adds_30d,
        SUM(CASE WHEN name = 'product_added' AND age_days <= 90 THEN 1 ELSE 0 END) AS cart_adds_90d,
        SUM(CASE WHEN name = 'checkout_started' AND age_days <= 30 THEN 1 ELSE 0 END) AS checkouts_30d,
        SUM(CASE WHEN name = 'checkout_started' AND age_days <= 90 THEN 1 ELSE 0 END) AS checkouts_90d,
        SUM(CASE WHEN name = 'products_searched' AND age_days <= 90 THEN 1 ELSE 0 END) AS searches_90d
    FROM seen GROUP BY customer_id
), visits AS (
    SELECT customer_id, session_id, MIN(age_days) AS age_days, MAX(CASE WHEN name = 'product_added' THEN 1 ELSE 0 END) AS added,
        MAX(CASE WHEN name = 'order_completed' THEN 1 ELSE 0 END) AS ordered
    FROM seen WHERE session_id IS NOT NULL GROUP BY customer_id, session_id
), visited AS (
    SELECT customer_id, SUM(CASE WHEN age_days <= 30 THEN 1 ELSE 0 END) AS sessions_30d,
        SUM(CASE WHEN age_days <= 90 THEN 1 ELSE 0 END) AS sessions_90d,
        SUM(CASE WHEN age_days <= 30 AND added = 1 AND ordered = 0 THEN 1 ELSE 0 END) AS carts_abandoned_30d,
        SUM(CASE WHEN age_days <= 90 AND added = 1 AND ordered = 0 THEN 1 ELSE 0 END) AS carts_abandoned_90d
    FROM visits GROUP BY customer_id
)
SELECT c.customer_id, COALESCE(v.sessions_30d, 0) AS sessions_30d, COALESCE(v.sessions_90d, 0) AS sessions_90d,
    c.product_views_30d, c.product_views_90d, c.cart_adds_30d, c.cart_adds_90d, c.checkouts_30d, c.checkouts_90d, c.searches_90d,
    COALESCE(v.carts_abandoned_30d, 0) AS carts_abandoned_30d, COALESCE(v.carts_abandoned_90d, 0) AS carts_abandoned_90d,
    CAST(c.cart_adds_90d AS DOUBLE) / CAST(NULLIF(c.product_views_90d, 0) AS DOUBLE) AS cart_add_ratio_90d,
    CAST(c.checkouts_90d AS DOUBLE) / CAST(NULLIF(c.cart_adds_90d, 0) AS DOUBLE) AS checkout_ratio_90d,
    c.days_since_last_event
FROM counted c LEFT JOIN visited v ON v.customer_id = c.customer_id
