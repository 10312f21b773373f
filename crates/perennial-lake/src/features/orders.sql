-- Orders: how often, how recently and for how much a customer buys.
-- 订单：购买的次数、最近一次的时间与金额
-- key: customer_id; tables: orders, order_items, returns
--
-- A purchase day is a day with an order line of positive value or an order that is not cancelled; several orders of one day are one.
-- Lines of cancelled orders are worth nothing (the import makes them so), so a cancelled order is neither a purchase day nor spend,
-- even before the day on which it was cancelled: `status` is the one fact here that is not dated.
-- Cents are net of returns and of line discounts, without shipping and tax; a return counts on the day it was posted.
-- Customers without a purchase day before $as_of have no row; this group says which customers every other group is asked for.
--
-- column: x | whole | count | null | repeat purchase days: purchase days less the first | 复购天数
-- column: t_x | whole | days | null | age at the last purchase: last purchase day less the first | 末次购买时的客龄
-- column: t | whole | days | null | age at the as-of day: as-of day less the first purchase day | 客龄
-- column: days_since_last_order | whole | days | null | as-of day less the last purchase day | 距上次购买天数
-- column: orders_all | whole | count | null | purchase days so far | 累计购买天数
-- column: orders_30d | whole | count | null | purchase days in the 30 days before the as-of day | 近30天购买天数
-- column: orders_90d | whole | count | null | purchase days in the 90 days before the as-of day | 近90天购买天数
-- column: orders_180d | whole | count | null | purchase days in the 180 days before the as-of day | 近180天购买天数
-- column: orders_365d | whole | count | null | purchase days in the 365 days before the as-of day | 近365天购买天数
-- column: orders_recent_share | float | share | null | purchase days of the last 90 days among those of the last 180 | 近期购买占比
-- column: orders_per_30d | float | count | null | purchase days per 30 days of age | 每30天购买天数
-- column: orders_weekend_share | float | share | null | purchase days that are a Saturday or Sunday | 周末购买占比
-- column: month_of_last_order | whole | month | null | calendar month of the last purchase day, 1 to 12 | 上次购买月份
-- column: spend_cents_all | whole | cents | null | net spend so far | 累计净消费
-- column: spend_cents_30d | whole | cents | null | net spend in the 30 days before the as-of day | 近30天净消费
-- column: spend_cents_90d | whole | cents | null | net spend in the 90 days before the as-of day | 近90天净消费
-- column: spend_cents_180d | whole | cents | null | net spend in the 180 days before the as-of day | 近180天净消费
-- column: spend_cents_365d | whole | cents | null | net spend in the 365 days before the as-of day | 近365天净消费
-- column: spend_recent_share | float | share | null | net spend of the last 90 days by that of the last 180, where that is positive | 近期消费占比
-- column: repeat_spend_cents_mean | float | cents | null | net spend after the first purchase day's own, per repeat purchase day | 复购日均净消费
-- column: order_cents_mean | float | cents | null | sales per purchase day, returns not taken off | 平均订单金额
-- column: order_cents_max | whole | cents | null | largest sales of a purchase day | 最大订单金额
-- column: order_cents_first | whole | cents | null | sales of the first purchase day | 首单金额
-- column: order_cents_last | whole | cents | null | sales of the last purchase day | 末单金额
-- column: gap_days_mean | float | days | null | mean days between purchase days | 平均购买间隔
-- column: gap_days_last | whole | days | null | days between the last two purchase days | 最近购买间隔
-- column: gap_days_max | whole | days | null | longest time between purchase days | 最长购买间隔
-- column: gap_days_std | float | days | null | sample standard deviation of the days between purchase days | 购买间隔标准差
-- column: gap_overdue_ratio | float | ratio | null | days since the last order by the mean gap | 逾期程度
WITH moves AS (
    SELECT customer_id, ordered_on AS moved_on, CASE WHEN total_cents > 0 THEN 1 ELSE 0 END AS bought,
        total_cents AS sold_cents, CAST(0 AS BIGINT) AS returned_cents
    FROM order_items WHERE customer_id IS NOT NULL AND ordered_on < $as_of
    UNION ALL
    SELECT customer_id, ordered_on, CASE WHEN status <> 'cancelled' THEN 1 ELSE 0 END, CAST(0 AS BIGINT), CAST(0 AS BIGINT)
    FROM orders WHERE customer_id IS NOT NULL AND ordered_on < $as_of
    UNION ALL
    SELECT customer_id, returned_on, 0, CAST(0 AS BIGINT), amount_cents
    FROM returns WHERE customer_id IS NOT NULL AND returned_on < $as_of
), days AS (
    SELECT customer_id, moved_on, CAST($as_of - moved_on AS INT) AS age_days, MAX(bought) AS bought,
        SUM(sold_cents) AS sold_cents, SUM(sold_cents - returned_cents) AS net_cents
    FROM moves GROUP BY customer_id, moved_on
), purchases AS (
    SELECT customer_id, moved_on, age_days, sold_cents, net_cents,
        LAG(age_days) OVER (PARTITION BY customer_id ORDER BY age_days DESC) - age_days AS gap_days,
        MIN(age_days) OVER (PARTITION BY customer_id) AS last_age,
        MAX(age_days) OVER (PARTITION BY customer_id) AS first_age
    FROM days WHERE bought = 1
), counted AS (
    SELECT customer_id, COUNT(*) AS orders, MAX(age_days) AS first_age, MIN(age_days) AS last_age, MAX(moved_on) AS last_on,
        SUM(CASE WHEN age_days <= 30 THEN 1 ELSE 0 END) AS orders_30d,
        SUM(CASE WHEN age_days <= 90 THEN 1 ELSE 0 END) AS orders_90d,
        SUM(CASE WHEN age_days <= 180 THEN 1 ELSE 0 END) AS orders_180d,
        SUM(CASE WHEN age_days <= 365 THEN 1 ELSE 0 END) AS orders_365d,
        -- 2000-01-03 was a Monday: 5 and 6 are the weekend.
        SUM(CASE WHEN (CAST(moved_on - DATE '2000-01-03' AS INT) % 7 + 7) % 7 >= 5 THEN 1 ELSE 0 END) AS orders_weekend,
        SUM(sold_cents) AS sold_cents, MAX(sold_cents) AS sold_cents_max,
        SUM(CASE WHEN age_days = first_age THEN sold_cents ELSE 0 END) AS sold_cents_first,
        SUM(CASE WHEN age_days = last_age THEN sold_cents ELSE 0 END) AS sold_cents_last,
        SUM(CASE WHEN age_days = first_age THEN net_cents ELSE 0 END) AS net_cents_first,
        MAX(CASE WHEN age_days = last_age THEN gap_days END) AS gap_last, MAX(gap_days) AS gap_max,
        SUM(CAST(gap_days AS BIGINT) * gap_days) AS gap_squares
    FROM purchases GROUP BY customer_id
), spent AS (
    SELECT customer_id, SUM(net_cents) AS spend_cents,
        SUM(CASE WHEN age_days <= 30 THEN net_cents ELSE 0 END) AS spend_cents_30d,
        SUM(CASE WHEN age_days <= 90 THEN net_cents ELSE 0 END) AS spend_cents_90d,
        SUM(CASE WHEN age_days <= 180 THEN net_cents ELSE 0 END) AS spend_cents_180d,
        SUM(CASE WHEN age_days <= 365 THEN net_cents ELSE 0 END) AS spend_cents_365d
    FROM days GROUP BY customer_id
), named AS (
    SELECT c.customer_id, c.orders - 1 AS x, CAST(c.first_age - c.last_age AS BIGINT) AS t_x, CAST(c.first_age AS BIGINT) AS t,
        CAST(c.last_age AS BIGINT) AS last_age, c.last_on, c.orders, c.orders_30d, c.orders_90d, c.orders_180d, c.orders_365d,
        c.orders_weekend, c.sold_cents, c.sold_cents_max, c.sold_cents_first, c.sold_cents_last, c.net_cents_first,
        c.gap_last, c.gap_max, c.gap_squares,
        s.spend_cents, s.spend_cents_30d, s.spend_cents_90d, s.spend_cents_180d, s.spend_cents_365d
    FROM counted c JOIN spent s ON s.customer_id = c.customer_id
)
SELECT customer_id, x, t_x, t, last_age AS days_since_last_order,
    orders AS orders_all, orders_30d, orders_90d, orders_180d, orders_365d,
    CAST(orders_90d AS DOUBLE) / CAST(NULLIF(orders_180d, 0) AS DOUBLE) AS orders_recent_share,
    CAST(30 * orders AS DOUBLE) / CAST(t AS DOUBLE) AS orders_per_30d,
    CAST(orders_weekend AS DOUBLE) / CAST(orders AS DOUBLE) AS orders_weekend_share,
    EXTRACT(MONTH FROM last_on) AS month_of_last_order,
    spend_cents AS spend_cents_all, spend_cents_30d, spend_cents_90d, spend_cents_180d, spend_cents_365d,
    CASE WHEN spend_cents_180d > 0 THEN CAST(spend_cents_90d AS DOUBLE) / CAST(spend_cents_180d AS DOUBLE) END AS spend_recent_share,
    CAST(spend_cents - net_cents_first AS DOUBLE) / CAST(NULLIF(x, 0) AS DOUBLE) AS repeat_spend_cents_mean,
    CAST(sold_cents AS DOUBLE) / CAST(orders AS DOUBLE) AS order_cents_mean,
    sold_cents_max AS order_cents_max, sold_cents_first AS order_cents_first, sold_cents_last AS order_cents_last,
    CAST(t_x AS DOUBLE) / CAST(NULLIF(x, 0) AS DOUBLE) AS gap_days_mean, gap_last AS gap_days_last, gap_max AS gap_days_max,
    -- Sample variance from whole sums: (n Σg² − (Σg)²) / (n (n − 1)), where n = x and Σg = t_x.
    CASE WHEN x > 1 THEN SQRT(CAST(x * gap_squares - t_x * t_x AS DOUBLE) / CAST(x * (x - 1) AS DOUBLE)) END AS gap_days_std,
    CAST(last_age * x AS DOUBLE) / CAST(NULLIF(t_x, 0) AS DOUBLE) AS gap_overdue_ratio
FROM named
