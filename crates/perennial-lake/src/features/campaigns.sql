-- Campaigns: how often a customer was written to, and what came of it.
-- 营销：触达、打开、点击与核销
-- key: customer_id; tables: touches
--
-- Touches of the holdout were never sent and do not count. An opening, click or redemption counts from its own instant on.
--
-- column: touches_all | whole | count | 0 | touches so far | 累计触达
-- column: touches_30d | whole | count | 0 | touches in the 30 days before the as-of day | 近30天触达
-- column: touches_90d | whole | count | 0 | touches in the 90 days before the as-of day | 近90天触达
-- column: touch_opens_90d | whole | count | 0 | touches of the last 90 days opened before the as-of day | 近90天打开
-- column: touch_clicks_90d | whole | count | 0 | touches of the last 90 days clicked before the as-of day | 近90天点击
-- column: touch_redemptions_all | whole | count | 0 | touches redeemed before the as-of day | 累计核销
-- column: touch_open_share | float | share | null | touches opened before the as-of day | 打开率
-- column: touch_click_share | float | share | null | touches clicked before the as-of day | 点击率
-- column: days_since_last_touch | whole | days | null | as-of day less the day of the last touch | 距上次触达天数
WITH sent AS (
    SELECT customer_id, CAST($as_of - sent_on AS INT) AS age_days, CASE WHEN opened_at < $as_of_at THEN 1 ELSE 0 END AS opened,
        CASE WHEN clicked_at < $as_of_at THEN 1 ELSE 0 END AS clicked,
        CASE WHEN redeemed_at < $as_of_at THEN 1 ELSE 0 END AS redeemed
    FROM touches WHERE NOT holdout AND sent_on < $as_of
)
SELECT customer_id, COUNT(*) AS touches_all, SUM(CASE WHEN age_days <= 30 THEN 1 ELSE 0 END) AS touches_30d,
    SUM(CASE WHEN age_days <= 90 THEN 1 ELSE 0 END) AS touches_90d,
    SUM(CASE WHEN age_days <= 90 THEN opened ELSE 0 END) AS touch_opens_90d,
    SUM(CASE WHEN age_days <= 90 THEN clicked ELSE 0 END) AS touch_clicks_90d, SUM(redeemed) AS touch_redemptions_all,
    CAST(SUM(opened) AS DOUBLE) / CAST(COUNT(*) AS DOUBLE) AS touch_open_share,
    CAST(SUM(clicked) AS DOUBLE) / CAST(COUNT(*) AS DOUBLE) AS touch_click_share, MIN(age_days) AS days_since_last_touch
FROM sent GROUP BY customer_id
