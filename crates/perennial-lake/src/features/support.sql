-- Support: how often a customer needed help and how it ended.
-- 客服：工单数量、未结工单与满意度
-- key: customer_id; tables: tickets
--
-- A ticket is open until `closed_at`; its satisfaction is known once it is closed.
--
-- column: tickets_all | whole | count | 0 | tickets so far | 累计工单数
-- column: tickets_90d | whole | count | 0 | tickets in the 90 days before the as-of day | 近90天工单数
-- column: tickets_open | whole | count | 0 | tickets not closed before the as-of day | 未结工单数
-- column: ticket_csat_mean | float | stars | null | mean satisfaction of the closed tickets | 工单平均满意度
-- column: days_since_last_ticket | whole | days | null | as-of day less the day of the last ticket | 距上次工单天数
WITH opened AS (
    SELECT customer_id, CAST($as_of - opened_on AS INT) AS age_days,
        CASE WHEN closed_at < $as_of_at THEN 0 ELSE 1 END AS still_open, CASE WHEN closed_at < $as_of_at THEN csat END AS csat
    FROM tickets WHERE customer_id IS NOT NULL AND opened_on < $as_of
)
SELECT customer_id, COUNT(*) AS tickets_all, SUM(CASE WHEN age_days <= 90 THEN 1 ELSE 0 END) AS tickets_90d,
    SUM(still_open) AS tickets_open, CAST(SUM(csat) AS DOUBLE) / CAST(NULLIF(COUNT(csat), 0) AS DOUBLE) AS ticket_csat_mean,
    MIN(age_days) AS days_since_last_ticket
FROM opened GROUP BY customer_id
