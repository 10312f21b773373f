-- Returns: how much a customer sends back.
-- 退货：次数、金额、比例与最近一次
-- key: customer_id; tables: returns, order_items
--
-- A return counts from the day it was posted, not from the day of its order.
--
-- column: returns_all | whole | count | 0 | returned lines so far | 累计退货行数
-- column: returns_30d | whole | count | 0 | returned lines in the 30 days before the as-of day | 近30天退货行数
-- column: returns_90d | whole | count | 0 | returned lines in the 90 days before the as-of day | 近90天退货行数
-- column: returns_180d | whole | count | 0 | returned lines in the 180 days before the as-of day | 近180天退货行数
-- column: returns_365d | whole | count | 0 | returned lines in the 365 days before the as-of day | 近365天退货行数
-- column: return_units_all | whole | count | 0 | returned units so far | 累计退货件数
-- column: return_cents_all | whole | cents | 0 | returned amount so far | 累计退货金额
-- column: return_cents_90d | whole | cents | 0 | returned amount in the 90 days before the as-of day | 近90天退货金额
-- column: return_cents_365d | whole | cents | 0 | returned amount in the 365 days before the as-of day | 近365天退货金额
-- column: return_cents_share | float | share | null | returned amount by sales, where those are positive | 退货金额占比
-- column: days_since_last_return | whole | days | null | as-of day less the day of the last return | 距上次退货天数
WITH pieces AS (
    SELECT customer_id, CAST($as_of - returned_on AS INT) AS age_days, 1 AS lines, quantity, amount_cents, CAST(0 AS BIGINT) AS sold_cents
    FROM returns WHERE customer_id IS NOT NULL AND returned_on < $as_of
    UNION ALL
    SELECT customer_id, CAST(NULL AS INT), 0, CAST(0 AS BIGINT), CAST(0 AS BIGINT), total_cents
    FROM order_items WHERE customer_id IS NOT NULL AND ordered_on < $as_of
), totals AS (
    SELECT customer_id, SUM(lines) AS returns_all,
        SUM(CASE WHEN age_days <= 30 THEN 1 ELSE 0 END) AS returns_30d,
        SUM(CASE WHEN age_days <= 90 THEN 1 ELSE 0 END) AS returns_90d,
        SUM(CASE WHEN age_days <= 180 THEN 1 ELSE 0 END) AS returns_180d,
        SUM(CASE WHEN age_days <= 365 THEN 1 ELSE 0 END) AS returns_365d,
        SUM(quantity) AS return_units_all, SUM(amount_cents) AS return_cents_all,
        SUM(CASE WHEN age_days <= 90 THEN amount_cents ELSE 0 END) AS return_cents_90d,
        SUM(CASE WHEN age_days <= 365 THEN amount_cents ELSE 0 END) AS return_cents_365d,
        SUM(sold_cents) AS sold_cents, MIN(age_days) AS days_since_last_return
    FROM pieces GROUP BY customer_id
)
SELECT customer_id, returns_all, returns_30d, returns_90d, returns_180d, returns_365d, return_units_all, return_cents_all,
    return_cents_90d, return_cents_365d,
    CASE WHEN sold_cents > 0 THEN CAST(return_cents_all AS DOUBLE) / CAST(sold_cents AS DOUBLE) END AS return_cents_share,
    days_since_last_return
FROM totals
