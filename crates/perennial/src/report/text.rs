//! Every sentence of the report and of the customer's picture, in English and Chinese.
//!
//! The macro makes a struct with a field per key, so that a missing translation or a wrong key does not compile. `{name}` is a hole;
//! `one|many` are the forms of a counted noun. Both languages must have the same holes: a test looks.

macro_rules! catalogue {
    ($($key:ident: $en:literal, $zh:literal;)*) => {
        #[derive(Debug)]
        pub struct Text { $(pub $key: &'static str,)* }
        pub static EN: Text = Text { $($key: $en,)* };
        pub static ZH: Text = Text { $($key: $zh,)* };
        /// Key, English, Chinese: what the tests walk.
        #[cfg(test)]
        pub const ENTRIES: &[(&str, &str, &str)] = &[$((stringify!($key), $en, $zh),)*];
    };
}

catalogue! {
    // The page.
    page_title: "{shop}: customer report", "{shop} · 客户报告";
    kicker: "Customer report · as of {as_of}", "客户报告 · 截至 {as_of}";
    subtitle: "{customers} and {orders} from {from} to {to}, and what each customer will probably do in the {horizon} from {as_of}.",
        "{from}至{to}，{customers}，{orders}；以及自{as_of}起 {horizon}内，每位客户可能的动向。";
    subtitle_refused: "{customers} and {orders} from {from} to {to}. No forecast was good enough to be shown; the reasons stand below.",
        "{from}至{to}，{customers}，{orders}。没有预测达到可展示的标准，原因见下文。";
    subtitle_empty: "There are no orders yet. Import some and run again.", "还没有订单。请先导入数据，再运行一次。";
    simulated: "Simulated shop: none of these customers exists.", "模拟店铺：其中的客户均为虚构。";
    skip: "Skip to the findings", "跳到要点";
    controls: "Display", "显示设置";
    theme_auto: "System", "跟随系统";
    theme_light: "Light", "浅色";
    theme_dark: "Dark", "深色";
    contents: "Contents", "目录";
    findings_title: "What you should know today", "今天应当知道的事";
    refusals_title: "What was refused, and why", "哪些结果被拒绝，为什么";
    refusals_lead: "A refused result scores nobody. These were stopped by a gate, or could not be fitted to these data.",
        "被拒绝的结果不会用于任何客户评分。以下各项未通过关卡，或无法用现有数据拟合。";
    refused_title: "Refused", "已拒绝";
    absent_title: "Nothing to show", "暂无内容";
    no_reason: "No reason was recorded.", "没有记录原因。";
    nothing_found: "There is not enough data yet to say anything about the customers of this shop.", "数据尚不足，还不能对这家店的客户下任何结论。";
    as_table: "The same as a table", "以表格查看";
    colophon: "Made by Perennial {version}. One file, no scripts needed, nothing loaded from the network.",
        "由 Perennial {version} 生成。单一文件，无需脚本，不从网络加载任何内容。";
    list_comma: "; ", "；";
    enumeration_comma: ", ", "、";
    colon: ": ", "：";
    full_stop: ".", "。";
    noun_broken: "{n} rule broken|{n} rules broken", "{n} 条规则未通过";
    noun_customers: "{n} customer|{n} customers", "{n} 位客户";
    noun_orders: "{n} order|{n} orders", "{n} 笔订单";
    noun_days: "{n} day|{n} days", "{n} 天";
    unit_days: "{n} days", "{n} 天";
    yes: "yes", "是";
    no: "no", "否";
    value_missing: "unknown", "未知";

    // Findings.
    finding_shut: "The quality gate is shut ({broken}). Read nothing below as a decision until that is settled.",
        "数据质量关卡已关闭（{broken}）。问题解决之前，请勿将下文作为决策依据。";
    finding_overridden: "The quality gate was shut ({broken}) and passed on purpose: \"{why}\".",
        "数据质量关卡原已关闭（{broken}），后经人工放行，理由：“{why}”。";
    finding_hindsight: "Hindsight: the models of {tasks} were trained as of {trained} and have learned from days on and after {as_of}. Their scores look better here than they could have been that day; do not judge the models by this page.",
        "事后之见：{tasks}的模型训练截至{trained}，已从{as_of}及之后的日子学习。此处的分数比当日实际可能达到的更好，请勿据此页评判模型。";
    finding_leaving: "Of {customers} who bought in the last {look_back}, about {leavers} ({share}) will not order again {within}.",
        "过去 {look_back}内购买过的 {customers}中，约有 {leavers} 位（{share}）{within}不会再下单。";
    finding_season_up: "Season: a year ago {ahead} of the then active customers ordered again in the {horizon} from {ahead_from}, but {judged} in the {horizon} from {judged_from}, the time the models were judged and set right on. The models of churn and value know no season: if this year goes likewise, more will order, and fewer leave, than they say.",
        "季节：一年前自{ahead_from}起 {horizon}内，当时的活跃客户有 {ahead} 再次下单；而自{judged_from}起的 {horizon}（对应模型检验与校准所用时段）为 {judged}。流失与价值模型不含季节因素：若今年情形相同，下单者会多于、流失者会少于其预测。";
    finding_season_down: "Season: a year ago {ahead} of the then active customers ordered again in the {horizon} from {ahead_from}, but {judged} in the {horizon} from {judged_from}, the time the models were judged and set right on. The models of churn and value know no season: if this year goes likewise, fewer will order, and more leave, than they say.",
        "季节：一年前自{ahead_from}起 {horizon}内，当时的活跃客户有 {ahead} 再次下单；而自{judged_from}起的 {horizon}（对应模型检验与校准所用时段）为 {judged}。流失与价值模型不含季节因素：若今年情形相同，下单者会少于、流失者会多于其预测。";
    finding_season_known: "Season: a year ago {ahead} of the then active customers ordered again in the {horizon} from {ahead_from}, and {judged} in the {horizon} from {judged_from}, the time the models were set right on. The forecasts are moved by what past years did alike at this time.",
        "季节：一年前自{ahead_from}起 {horizon}内，当时的活跃客户有 {ahead} 再次下单；自{judged_from}起的 {horizon}（对应模型校准所用时段）为 {judged}。预测已按历年同期的共同差异调整。";
    finding_money: "{money} of their usual spending is at risk.", "其惯常消费中有 {money} 面临流失风险。";
    finding_money_listed: "{money} of their usual spending is at risk. The {customers} listed below stand for {share} of it.",
        "其惯常消费中有 {money} 面临流失风险，下文列出的 {customers}占其中的 {share}。";
    finding_expected: "Active customers are expected to spend {money} in the next {horizon}.", "预计活跃客户在未来 {horizon}内消费 {money}。";
    finding_expected_over: "Active customers are expected to spend {money} in the next {horizon}. On its test window the same forecast was {off} too high.",
        "预计活跃客户在未来 {horizon}内消费 {money}。在其检验窗口上，同样的预测偏高 {off}。";
    finding_expected_under: "Active customers are expected to spend {money} in the next {horizon}. On its test window the same forecast was {off} too low.",
        "预计活跃客户在未来 {horizon}内消费 {money}。在其检验窗口上，同样的预测偏低 {off}。";
    finding_segment: "The group \"{segment}\" is {customers} of the customers and {spend} of what they have spent so far.",
        "“{segment}”占客户总数的 {customers}，贡献了累计消费的 {spend}。";
    finding_moved: "Since {from}, {customers} moved from \"{a}\" to \"{b}\", the largest move downwards. {silent} of them have not ordered since: those moved by the passing of time alone.",
        "自{from}以来，{customers}由“{a}”降至“{b}”，是最大的一股下行流动；其中 {silent} 位此后没有下单，只是时间推移所致。";
    finding_drifted: "{customers} of \"{a}\" on {from} have not ordered since and count as \"{b}\" now: the largest move downwards, by the passing of time alone.",
        "{from}属于“{a}”的客户中，有 {customers}此后没有下单，现归入“{b}”：这是最大的一股下行流动，只是时间推移所致。";
    finding_top: "The top tenth of customers bring {share} of the revenue.", "消费最高的 10% 客户贡献了 {share} 的收入。";
    finding_repeat: "{share} of customers bought on more than one day ({repeat} of {customers}).",
        "复购率为 {share}：{customers} 位客户中有 {repeat} 位在不止一天下过单。";
    finding_year_up: "Net revenue of the last three whole months is {money}, {change} above the same months a year before.",
        "最近三个完整月的净收入为 {money}，比上年同期增长 {change}。";
    finding_year_down: "Net revenue of the last three whole months is {money}, {change} below the same months a year before.",
        "最近三个完整月的净收入为 {money}，比上年同期下降 {change}。";
    finding_quarter_up: "Net revenue of the last three whole months is {money}, {change} above the three months before.",
        "最近三个完整月的净收入为 {money}，比之前三个月增长 {change}。";
    finding_quarter_down: "Net revenue of the last three whole months is {money}, {change} below the three months before.",
        "最近三个完整月的净收入为 {money}，比之前三个月下降 {change}。";
    finding_refused: "{n} of {all} models were refused; each is named below with its reason.", "{all} 个模型中有 {n} 个被拒绝，下文逐一说明原因。";

    // Overview.
    overview_title: "The shop", "店铺概览";
    overview_lead: "What the data say before any model is asked. Revenue is net of returns and discounts, without shipping and tax.",
        "尚未用到任何模型，只看数据本身。收入已扣除退货与折扣，不含运费和税。";
    overview_empty: "No order has been imported, so there is nothing to draw.", "尚未导入任何订单，没有可绘制的内容。";
    net_revenue: "Net revenue", "净收入";
    net_revenue_note: "of {sales} sold", "销售额 {sales}";
    returned: "Returned", "退货金额";
    returned_note: "{share} of sales, {returns} returns", "占销售额 {share}，{returns} 笔退货";
    customers: "Customers", "客户数";
    customers_note: "{repeat} bought on more than one day", "复购率 {repeat}";
    orders: "Orders", "订单数";
    orders_note: "{lines} order lines", "{lines} 条订单明细";
    orders_no_sale_note: "; besides, {n} cancelled or correcting orders that are no sale", "；另有 {n} 笔已取消或更正的订单，不算销售";
    guests: "Guest orders", "游客订单占比";
    guests_note: "{money} of the net revenue", "净收入中的 {money}";
    period: "Period", "数据区间";
    period_note: "{from} to {to}", "{from}至{to}";
    month: "Month", "月份";
    revenue_figure: "Net revenue by month, {currency}", "每月净收入（{currency}）";
    revenue_figure_note: "Returns count in the month they were posted.", "退货计入其发生的月份。";
    month_whole: "Whole month", "完整月";
    month_cut: "Month cut off by the data", "数据不满整月";
    active_figure: "Customers who bought, by month", "每月购买客户数";
    active_figure_note: "Guests have no name and are not counted. Only whole months are drawn.", "游客无法识别，未计入；只绘制完整月份。";
    active_customers: "Active customers", "活跃客户";
    first_customers: "First-time customers", "首购客户";
    months_before: "(months since {from} are in the totals and not told one by one)", "（自{from}起更早的月份计入合计，不逐月列出）";
    months_caption: "Month by month; * marks a month the data do not cover whole", "逐月数据；* 表示数据不满整月";

    // What was decided.
    frame_title: "What was decided first", "事先的约定";
    frame_lead: "A shop has no contract to cancel, so leaving needs a definition: here, a customer active in the last {look_back} leaves if they place no order {within}.",
        "网店没有可以解除的合同，因此“流失”需要定义：过去 {look_back}内活跃的客户，若{within}没有下单，即视为流失。";
    frame_caption: "Decisions, with their reasons", "各项约定及其理由";
    decided: "What", "事项";
    choice: "Decision", "约定";
    why: "Why", "理由";
    as_of: "As-of day", "截止日";
    as_of_why: "Nothing that happened on this day or later is known to the models.", "模型不知道这一天及以后发生的任何事。";
    as_of_hindsight: "Features hold nothing of this day or later. The models of {tasks} do know later days: they were trained as of {trained}.",
        "特征不含这一天及以后的任何事。但{tasks}的模型知道之后的日子：其训练截至{trained}。";
    horizon: "Horizon", "预测期";
    look_back: "Look-back", "回看期";
    definition: "Leaving is", "流失定义";
    definition_why: "Chosen by learn.churn_definition: a fixed window, a window of the customer’s own gaps, or survival.", "由 learn.churn_definition 选定：固定窗口、按客户自身间隔的窗口，或生存分析。";
    gaps: "Days between orders", "下单间隔（天）";
    gaps_value: "half within {q50}, 80% within {q80}, 90% within {q90}", "50% 在 {q50} 天内，80% 在 {q80} 天内，90% 在 {q90} 天内";
    gaps_why: "Counted between two purchase days of one customer in this shop.", "按本店同一客户相邻两个购买日计算。";
    eligible: "Who is asked about", "预测对象";
    eligible_value: "{n} of {of} customers", "{of} 位客户中的 {n} 位";
    eligible_why: "Bought in the last {look_back}. The others are already silent; counting them would make any model look good.",
        "过去 {look_back}内购买过的客户。其余客户早已沉默，把他们算进来会让任何模型都显得很准。";
    base_rate: "Base rate", "基础流失率";
    base_rate_why: "Share of leavers on the test window. Every score has to be read beside it.",
        "检验窗口中的流失比例，任何分数都应与它对照来看。";
    test_cut: "Judged on (test window)", "检验截点（检验窗口）";
    test_cut_why: "The last window that was over at training: {from} to {to}. No model had seen it when it was judged; the one that answers was then fitted again with it.",
        "训练时最近一个已结束的窗口：{from}至{to}。检验时任何模型都没有见过它；作答的模型随后纳入该窗口重新拟合。";
    train_cuts: "Learned on before that", "此前的训练截点";
    train_cuts_value: "{n} cuts, {from} to {to}", "{n} 个截点，{from}至{to}";
    train_cuts_why: "Earlier as-of days whose horizon was over before the test window began.", "更早的截止日，其预测期在检验窗口开始前均已结束。";

    // Quality.
    quality_title: "Data quality", "数据质量";
    quality_lead: "What was checked before anything was learned, and what was left out.", "学习之前检查了什么，又剔除了什么。";
    gate_open: "Gate open", "关卡开放";
    gate_shut: "Gate shut", "关卡关闭";
    gate_overridden: "Gate shut, passed on purpose", "关卡关闭，已人工放行";
    gate_counts: "{rules} rules asked, {errors} errors, {warnings} warnings.", "共检查 {rules} 条规则：{errors} 项错误，{warnings} 项警告。";
    gate_why: "Recorded reason: \"{why}\".", "记录的理由：“{why}”。";
    rules_caption: "Rules, broken ones first", "规则（未通过者在前）";
    rule: "Rule", "规则";
    verdict: "Verdict", "结论";
    table: "Table", "表";
    finding: "Finding", "发现";
    rows: "Rows", "行数";
    share: "Share", "占比";
    passed: "passed", "通过";
    severity_error: "error", "错误";
    severity_warning: "warning", "警告";
    severity_info: "note", "提示";
    reconciliation: "Net revenue, from the file to the lake", "净收入：从源文件到数据湖";
    reconciliation_caption: "Does the money add up?", "账对得上吗？";
    amount: "Amount", "金额";
    stated: "Stated by the source", "源文件合计";
    rejected_money: "Less: in rejected rows", "减：被拒行中的金额";
    rounding: "Less: rounding to whole minor units", "减：取整到最小货币单位的差额";
    loaded: "In the lake", "入湖合计";
    balanced: "balanced", "相符";
    not_balanced: "not balanced", "不符";
    rejects: "Rejected rows", "被拒绝的行";
    rejects_caption: "Rows kept out of the tables, with the reason", "未入库的行及其原因";
    no_rejects: "No row was rejected.", "没有被拒绝的行。";
    reason: "Reason", "原因";
    policies: "Cleaning", "数据清洗";
    policies_caption: "What the settings asked for, and what it changed", "按设置执行的清洗及其影响";
    no_policies: "The settings ask for no cleaning: every row that passed the import is used as it is.", "设置中没有清洗策略：通过导入的行均按原样使用。";
    policy: "Policy", "策略";
    rows_changed: "Changed", "修改行数";
    rows_dropped: "Dropped", "剔除行数";
    tables: "Tables", "数据表";
    tables_caption: "Profile of every table", "各表概况";
    rejected: "Rejected", "被拒";
    duplicates: "Duplicates", "重复";
    outliers: "Outliers", "离群值";
    days_without_rows: "Days without a row", "无数据天数";
    column: "Column", "列";
    nulls: "Empty", "空值";
    distinct: "Distinct", "不同值";
    smallest: "Smallest", "最小";
    median: "Median", "中位数";
    largest: "Largest", "最大";
    shape: "Shape", "分布";
    profile_caption: "Columns of {table}", "{table} 的各列";
    profile_fold: "{table}: {n} columns", "{table}：{n} 列";

    // Cohorts.
    cohorts_title: "Do they come back?", "客户会回来吗？";
    cohorts_lead: "Customers by the month of their first order, and the percentage that bought again in each later month.",
        "按首单月份划分客户群，查看之后每个月再次购买的百分比。";
    cohorts_empty: "There is no whole month of customers to follow yet.", "还没有可供追踪的完整月份。";
    cohorts_hidden: "{n} older cohorts are not shown.", "另有 {n} 个更早的客户群未显示。";
    triangle_caption: "Bounded retention, %: bought in exactly that calendar month, counted in months after the first order",
        "区间留存率（%）：恰在该自然月内购买；列为首单之后的月数";
    cohort: "First order", "首单月份";
    retention: "Retention", "留存率";
    retention_figure: "Retention, all cohorts", "总体留存率";
    retention_figure_note: "Months after the first order. Each point counts the cohorts old enough to reach it.",
        "横轴为首单之后的月数；每个点只计入已经历该月的客户群。";
    months_after: "Months after", "之后月数";

    // Segments.
    segments_title: "Who belongs together", "客户分群";
    segments_lead: "Two ways to see the same people: named groups by recency, frequency and spend, and groups the data form by themselves.",
        "同一批客户的两种看法：按近度、频次、金额命名的 RFM 分群，以及由数据自然形成的聚类。";
    rfm_groups: "RFM groups", "RFM 分群";
    rfm_how: "Customers are scored 1 to 5 on the last order (5: the most recent fifth), on purchase days and on spend (5: the highest fifth; customers alike share the lower score), by fifths of those the groups were learned from. The groups follow from the first score and the rounded-up mean of the other two; their names are the usual ones and promise nothing.",
        "客户在三方面各得 1 至 5 分：上次下单（5 分为最近的五分之一）、购买天数与消费额（5 分为最高的五分之一；相同者取较低分），五分位取自建立分群时的客户。分群由第一项得分与后两项的平均分（向上取整）决定；名称为惯用叫法，并非承诺。";
    rfm_rule: "Last order: {recency}. Purchase days and spend: {worth}.", "上次下单 {recency}；购买天数与消费 {worth}。";
    rfm_score: "score {lo} of 5", "得 {lo} 分（满分 5）";
    rfm_scores: "score {lo} to {hi} of 5", "得 {lo} 至 {hi} 分（满分 5）";
    segments_empty: "There are no customers to group.", "没有可以分群的客户。";
    clusters: "Groups found by k-means", "k-means 聚类";
    clusters_quality: "Separation (silhouette) {silhouette}, stability on bootstrap samples {stability}; 1 would be perfect in both.",
        "分离度（轮廓系数）{silhouette}，自助抽样稳定性 {stability}；两者的满分均为 1。";
    cluster_name: "Group {n}", "第 {n} 组";
    orders_each: "Purchase days each", "人均购买天数";
    once: "One order day only", "仅一天下过单";
    once_value: "{n} of {of}", "{of} 位中的 {n} 位";
    spend_each: "Spend each", "人均消费";
    last_order: "Last order", "上次下单";
    days_ago: "{days} ago", "{days}前";
    p_churn: "Probability of leaving", "流失概率";
    p_churn_active: "Leaving (active only)", "活跃客户流失概率";
    group_share: "{customers} of customers, {spend} of spend", "客户占比 {customers}，消费占比 {spend}";
    no_traits: "Close to the whole shop in everything measured.", "各项指标都与全店相近。";
    trait_sentence: "{feature}: {value} (whole shop {everybody})", "{feature}：{value}（全店 {everybody}）";
    group_means: "On average, {traits}.", "平均而言，{traits}。";
    segment: "Segment", "分群";
    spend: "Spend", "消费";
    share_customers: "Share of customers", "客户占比";
    share_spend: "Share of spend", "消费占比";
    shares_figure: "How many they are, what they bring", "人数与贡献";
    shares_figure_note: "Where the second bar is longer than the first, few customers carry much of the revenue.",
        "第二条比第一条长，说明少数客户撑起了较多收入。";
    leaving_figure: "Where the leavers are", "流失集中在哪里";
    leaving_figure_note: "Mean probability of leaving of each group’s active customers: those who bought in the last {look_back}. The others are not asked about.",
        "各分群活跃客户（过去 {look_back}内购买过）的平均流失概率；其余客户不在预测对象之列。";
    nobody_active: "nobody active", "无活跃客户";
    migration_figure: "Who has moved: {from} to {to}", "分群迁移：{from}至{to}";
    migration_note: "Each ribbon is as thick as the number of customers it stands for; groups are ordered best first. Hairlines are left out; the table has them all.",
        "带子的粗细代表客户数，分群由好到差排列；过细的未画出，表格中列有全部。";
    moved_up: "Moved up", "上升";
    moved_down: "Moved down", "下降";
    stayed: "Stayed", "未变";
    stayed_alike: "Stayed, or moved to a stage as good", "停留，或转入同等阶段";
    arrivals: "New since then", "此后新增";
    from_to: "From, to", "从 → 到";

    // Churn.
    churn_title: "Who is leaving", "谁在流失";
    churn_lead: "The probability that an active customer places no order {within}, and how far it can be trusted.",
        "活跃客户{within}不再下单的概率，以及它有多可信。";
    churn_tested: "The champion is: {model}. It was judged on {customers} of its test window, {rate} of whom placed no order in it.",
        "当前由“{model}”评分。检验窗口共 {customers}，其中 {rate} 在窗口内没有下单。";
    leavers: "Expected leavers", "预计流失客户";
    leavers_note: "{share} of {n} customers asked about", "占 {n} 位预测对象的 {share}";
    at_risk_money: "Spending at risk", "面临风险的消费";
    at_risk_note: "{share} of their usual {usual} per horizon", "占其每个预测期惯常消费 {usual} 的 {share}";
    metric: "Metric", "指标";
    baseline: "baseline", "基线";
    difference: "Difference", "差异";
    metrics_caption: "On the test window; in brackets, 95% bootstrap intervals", "检验窗口上的表现；方括号内为 95% 自助法区间";
    baseline_answers: "The baseline itself answers here, so there is no second model to compare it with.", "此处由基线模型自身作答，因此没有第二个模型可供比较。";
    verdict_better: "better", "更好";
    verdict_worse: "worse", "更差";
    verdict_same: "not told apart", "无显著差别";
    reliability_figure: "Calibration: is 30% really 30%?", "校准：说 30%，果真 30% 吗？";
    reliability_note: "Customers in ten equal bins by score. On the diagonal, as many left as the model said; below it, fewer.",
        "按分数把客户等分为十组。落在对角线上，说明实际流失与预测一致；落在线下，说明实际流失更少。";
    reliability_point: "predicted {predicted}, observed {observed}, {customers}", "预测 {predicted}，实际 {observed}，{customers}";
    predicted: "Predicted", "预测";
    observed: "Observed", "实际";
    bin: "Bin", "分组";
    gain_figure: "Gain: how many leavers are found", "增益：能找到多少流失客户";
    gain_note: "Contact the customers with the highest scores first, and read how many of all leavers are among them.",
        "从分数最高的客户开始联系，看其中包含全部流失客户的多少。";
    gain_point: "the top 10% hold {captured} of the leavers, a lift of {lift}×", "前 10% 包含 {captured} 的流失客户，提升度 {lift} 倍";
    contacted: "Customers contacted", "已联系客户";
    captured: "Leavers found", "已找到的流失客户";
    at_random: "At random", "随机";
    scores_figure: "Today’s scores", "今日分数分布";
    scores_note: "Customers by their probability of leaving.", "按流失概率统计的客户数。";
    importance_figure: "What the score rests on", "分数由什么决定";
    importance_note: "Mean absolute contribution to the log-odds (exact SHAP values). It says what the model uses, not what causes leaving.",
        "对数几率上的平均绝对贡献（精确 SHAP 值）。它说明模型用了什么，而非流失的原因。";
    feature: "Feature", "特征";
    mean_abs: "Mean |contribution|", "平均绝对贡献";

    // Value.
    value_title: "What they are worth", "客户价值";
    value_lead: "Net spend expected of every customer in the next {horizon}, with a range that should hold four times in five.",
        "每位客户未来 {horizon}内的预期净消费，以及五次中应有四次成立的区间。";
    value_tested: "The champion is: {model}. It was judged on {customers} of its test window of {horizon}.",
        "当前由“{model}”预测。检验窗口为期 {horizon}，共 {customers}。";
    expected_total: "Expected spend", "预期消费";
    expected_total_note: "of the active customers in the next {horizon}", "活跃客户未来 {horizon}内合计";
    total_ratio: "Predicted by actual", "预测 / 实际";
    total_ratio_note: "{predicted} against {actual} on the test window", "检验窗口：{predicted} 对 {actual}";
    coverage: "Coverage", "区间覆盖率";
    coverage_note: "of the 80% interval; 80% would be exact", "80% 区间的实际覆盖，理想值为 80%";
    deciles_figure: "Predicted and actual spend by decile, {currency}", "各十分位的预测与实际消费（{currency}）";
    deciles_note: "Mean per customer, from the tenth with the lowest prediction to the highest. Bars are the mean of the customers’ own 80% intervals. Where more than four in five spend less than the mean, the interval ends at the mean and holds more than 80%.",
        "人均值，由预测最低的十分之一到最高的十分之一。色带为客户各自 80% 区间的平均。若五分之四以上的客户消费低于均值，区间上限即为均值，实际覆盖高于 80%。";
    decile_point: "decile {decile}: predicted {predicted} ({lo} to {hi}), actual {actual}", "第 {decile} 十分位：预测 {predicted}（{lo}至 {hi}），实际 {actual}";
    decile: "Decile", "十分位";
    actual: "Actual", "实际";
    interval_80: "80% interval", "80% 区间";
    interval_lo: "80% interval, from", "80% 区间下限";
    interval_hi: "80% interval, to", "80% 区间上限";
    lorenz_figure: "How revenue is spread", "收入集中度";
    lorenz_note: "The further the curve bends from the diagonal, the more the shop rests on a few.", "曲线离对角线越远，店铺越依赖少数客户。";
    lorenz_tenth: "The top tenth bring {share} of the revenue.", "消费最高的 10% 客户贡献 {share} 的收入。";
    lorenz_x: "Customers, lowest spend first", "客户（由低到高）";
    lorenz_y: "Share of revenue", "收入占比";
    lorenz_top: "top {top}", "前 {top}";
    lorenz_equal: "All spend alike", "人人相同";
    this_shop: "This shop", "本店";

    // Customers at risk.
    people_title: "Whom to call first", "优先挽留名单";
    people_lead: "Customers likelier to leave than the mean of all asked, by what there is to lose: probability of leaving times usual spend in {horizon}.",
        "流失概率高于全体预测对象平均值的客户，按可能的损失排序：流失概率 × {horizon}内的惯常消费。";
    people_no_reasons: "The scores are those of: {model}. This model gives no reasons by feature, so none are shown. Customers appear by id alone.",
        "分数来自“{model}”。该模型不按特征给出理由，因此未列出。客户仅以编号出现。";
    people_note: "The reasons are the model’s own and add up exactly. Bars to the right speak for leaving, to the left for staying, on the log-odds and on one scale for the whole list. Customers appear by id alone.",
        "理由出自模型本身，逐项精确可加。条形向右表示倾向流失，向左表示倾向留下；单位为对数几率，整个名单共用一个尺度。客户仅以编号出现。";
    people_empty: "No customer likelier to leave than the mean has ordered again yet, so nobody has a usual spend to lose.",
        "流失概率高于平均值的客户中无人复购过，因此没有惯常消费可言。";
    orders_so_far: "Purchase days", "购买天数";
    expected_spend: "Expected spend", "预期消费";
    range_80: "{value} ({lo} to {hi})", "{value}（{lo} 至 {hi}）";
    stake: "{p} likely to leave", "流失概率 {p}";
    usual_spend: "Usual spend", "惯常消费";
    people_more: "{n} more customers", "其余 {n} 位客户";

    // Models.
    models_title: "Every model that was tried", "全部候选模型";
    models_lead: "Each judged on the last window that was closed when it was trained. A champion answers; a candidate waits; a refused one scores nobody.",
        "各模型在其训练时最近一个已结束的窗口上检验。冠军模型负责评分，候选模型待命，被拒绝的模型不参与评分。";
    models_empty: "No model was fitted.", "没有拟合任何模型。";
    model: "Model", "模型";
    status: "Status", "状态";
    status_champion: "champion", "冠军";
    status_candidate: "candidate", "候选";
    status_refused: "refused", "已拒绝";
    task_churn: "Churn", "流失";
    task_value: "Value", "价值";
    task_segment: "Segments", "分群";
    task_outlook: "Outlook", "前景";
    models_caption: "Metrics on the test window", "检验窗口上的指标";
    auroc_figure: "Ranking of the churn models", "流失模型的排序能力";
    auroc_note: "AUROC: the chance that a leaver scores above a stayer; 0.5 is a coin.",
        "AUROC：流失客户得分高于留存客户的概率，0.5 等同于抛硬币。";
    auroc_lines: "Lines are 95% intervals.", "横线为 95% 区间。";

    // Method.
    method_title: "Method and limits", "方法与局限";
    method_lead: "What to keep in mind when acting on these numbers.", "据此行动之前应当了解的事。";
    method_time: "Every feature is computed from what was known before its as-of day, and every model is judged on a later window that it had not seen.",
        "所有特征只用截止日之前已知的数据计算；所有模型都在更晚的、未曾见过的窗口上检验。";
    method_churn: "A probability of leaving is about orders in a fixed horizon. A slow but faithful customer can score high.",
        "流失概率只针对固定预测期内是否下单。买得慢但忠诚的客户，分数也可能偏高。";
    method_value: "Expected spend is revenue, not margin: the cost of goods is not known for every shop.",
        "预期消费是收入而非毛利：并非每家店都有商品成本数据。";
    method_risk: "Spending at risk is probability of leaving times usual spend: the mean net spend of a repeat purchase day, times repeats a day since the first order, times the horizon. The first order is no part of it, and without a repeat nothing is usual. The list holds customers whose probability is above the mean of all asked. It is what their pace would bring, not a promise that a call wins it back.",
        "面临风险的消费 = 流失概率 × 惯常消费；惯常消费 = 复购日均净消费 × 首单以来每天的复购次数 × 预测期。首单不计入，没有复购就没有惯常消费。名单只含流失概率高于全体预测对象平均值的客户。它表示照原有节奏会带来的消费，并不意味着一次联系就能挽回。";
    method_reasons: "Reasons, where a model gives them, are exact additive contributions to the log-odds, not causes.", "理由（如模型给出）是对数几率上精确可加的贡献，并非因果。";
    method_gate: "A candidate takes the baseline’s place only if a paired bootstrap shows it better than the baseline row and the champion, and its calibration error and totals are within the set limits. Where none does, the baseline itself answers if it keeps those limits. Of the groupings the first of learn.segment that is stable enough answers, because named groups can be acted on; its separation does not decide.",
        "候选模型须经配对自助法证明优于基线与现任冠军，且校准误差与总额不超过设定上限，才会取代基线。若没有这样的候选，基线自身在满足上限时作答。分群由 learn.segment 中第一个足够稳定的方法作答，因为有名称的分群便于采取行动；分离度不作取舍依据。";
    method_intervals: "Intervals show what chance alone would change on this window. Another season may differ by more.",
        "区间只反映这一窗口内的随机波动，换一个季节，差异可能更大。";
    method_cause: "Nothing here says whether an offer changes anybody’s mind; that takes a randomised holdout.",
        "本报告不能说明优惠是否会改变客户的决定，那需要随机对照组。";
    method_privacy: "The report holds customer ids and no names, addresses or e-mail. An id is still personal data to whoever can resolve it.",
        "报告只含客户编号，不含姓名、地址或邮箱。但对能够还原编号的人而言，编号仍属个人信息。";
    provenance: "Made from", "数据来源";
    made_by: "Perennial {version}, seed {seed}; days are counted in {zone}. The same data, settings and seed give the same numbers.",
        "Perennial {version}，随机种子 {seed}；日期按 {zone} 时区计算。数据、设置与种子相同，结果即相同。";
    no_batches: "Nothing has been imported.", "尚未导入任何数据。";
    batches_caption: "Imported files", "已导入的文件";
    batches_fold: "Imported files and their checksums ({n})", "已导入文件及其校验值（{n}）";
    file: "File", "文件";
    format: "Format", "格式";
    bytes: "Bytes", "字节";
    batch: "Batch", "批次";
    imported: "Imported", "导入时间";

    // Gross and margin.
    customer_gross: "before returns {gross}", "退货前 {gross}";
    customer_margin: "margin {margin}", "毛利 {margin}";
    customer_no_cost: "no margin: the cost of the goods is not known", "无毛利：商品成本未知";
    gross_expected: "Before returns", "退货前";
    margin_expected: "Margin", "毛利";
    money_judged: "The forecast spend of the active customers was {net} times what came net of returns, and {gross} times before them.",
        "活跃客户消费的预测与实际之比：扣除退货后 {net}，退货前 {gross}。";

    // Calibration by kind and over time.
    slices_caption: "Right for every kind? Means of the test window; differences that chance alone would hardly make are marked",
        "对各类客户是否都准？检验窗口内的均值；随机因素难以解释的差异会标出";
    kind: "By", "分组依据";
    group: "Group", "组";
    by_segment: "Segment", "分群";
    by_country: "Country", "国家";
    by_cohort: "First order in", "首单季度";
    by_orders: "Orders so far", "累计订单";
    others: "all others", "其余";
    within_chance: "within chance", "在随机范围内";
    told_too_high: "too high", "偏高";
    told_too_low: "too low", "偏低";
    drift_figure: "Right at earlier days too?", "在更早的日子也准吗？";
    drift_note: "The last point is the test window, as the model was judged. At the days before it the same recipe learned from fewer rows (2,500) known by then, on a sample of 1,000 customers and without the season: look for a trend, not at the level.",
        "最后一点为检验窗口，即模型受检验的结果。此前各日以同一方法只用当日之前的较少数据（2,500 行）学习，并在 1,000 位客户的样本上对照，且不含季节调整：请看趋势，而非水平。";
    chance_alone: "Chance alone (99%)", "随机范围（99%）";

    // The outlook.
    outlook_title: "What comes next", "接下来会怎样";
    outlook_lead: "When will they order again, how often and for how much: a law of buying and leaving for every customer, set right by the windows that have closed.",
        "他们何时再来、来几次、花多少：对每位客户应用购买与流失的统计规律，并按已结束的窗口校准。";
    outlook_totals: "Expected of today’s customers", "对现有客户的预期";
    within: "Within", "期限";
    buyers_expected: "Customers who order", "下单客户数";
    orders_expected: "Orders", "订单数";
    customer_two_views: "The first lines come from models that read everything known, the lines from Stage on from purchase days and amounts alone: they may differ. A mean may lie outside its interval, because spend is skewed.",
        "前几行来自读取全部信息的模型，自“阶段”起仅依据购买日与金额：二者可能不同。消费分布偏斜，均值可能落在区间之外。";
    extrapolated: "longer than any closed window: the law, set right as for the longest one, intervals widened", "长于所有已结束窗口：统计规律按最长窗口校正，区间已放宽";
    outlook_of_season: "Set right on what came of the same forecasts in the {horizon} from {from}, the season ahead a year ago; the same for the other horizons.",
        "依据同样的预测在自{from}起 {horizon}内（一年前的同一季节）的实际结果校正；其他预测期亦然。";
    outlook_of_last: "Set right on what came of the same forecasts in the {horizon} from {from}, the last that closed; the same for the other horizons. There is not enough past, or a hole in it, to know the season ahead.",
        "依据同样的预测在自{from}起 {horizon}内（最近已结束的窗口）的实际结果校正；其他预测期亦然。历史尚短或有缺口，无法得知未来季节的影响。";
    stages: "Where in their life with the shop", "客户所处阶段";
    stages_figure: "Customers by stage", "各阶段客户数";
    stages_note: "Declared rules on the time since the last order, measured in the customer’s own gaps, and on the chance that no order comes. Not a forecast.",
        "按距上次下单的时间（以客户自身间隔衡量）与不再下单的概率，由明确规则划分，并非预测。";
    stage: "Stage", "阶段";
    stage_rule: "Rule", "规则";
    stage_spend: "Spend expected in 90 days", "90 天预期消费";
    stages_moved: "Who moved between stages", "阶段之间的流动";
    stages_moved_note: "From {from} to {to}, customers known on both days.", "自{from}至{to}，两日均已知的客户。";
    promises: "Were the promises kept?", "预测兑现了吗？";
    promises_lead: "{law}, learned as of {from} and judged on {customers} in the {days} after it, which it had not seen.",
        "{law}：以{from}为基准学习，并用其后 {days}内未见过的 {customers}检验。";
    law_nbd: "NBD (nobody leaves)", "NBD（无人流失）";
    promises_caption: "How many outcomes fell inside", "落入区间的比例";
    interval: "Interval", "区间";
    held: "Held", "实际覆盖";
    held_tenths: "Lowest and highest tenth", "各十分位的最低与最高";
    held_plain: "Counted plainly", "直接计数";
    next_order: "Day of the next order", "下一单日期";
    tracking: "Orders, expected and come", "订单：预期与实际";
    tracking_note: "Cumulative orders of the test window’s customers, by day of the window.", "检验窗口内客户的累计订单数，按窗口天数。";
    day_of_window: "Day", "天";
    by_repeats: "By how often they had come back", "按此前复购次数";
    by_repeats_note: "Mean orders per customer in the test window. Where the pairs agree, the law is right about those customers.",
        "检验窗口内人均订单数。两条接近，说明该规律对这些客户成立。";
    repeats: "{n} repeat orders", "复购 {n} 次";
    repeats_or_more: "{n} or more", "{n} 次及以上";
    repeat_orders: "Repeat orders", "复购次数";
    matrix: "Frequency and recency", "频率与近度";
    matrix_note: "Expected orders in the next {horizon} of a long-known customer: down by repeat orders so far, across by days since the last one.",
        "长期客户未来 {horizon}的预期订单数：纵向为迄今复购次数，横向为距上次下单的天数。";
    days_silent: "Days silent:", "沉默天数：";
    second_orders: "How soon a second order comes", "多久迎来第二单";
    second_orders_note: "Share of first-time customers of a quarter who have ordered again by a month of their life (Kaplan–Meier): the oldest, a middle and the newest quarter with enough life.",
        "某季度首次购买的客户在其后各月前再次下单的比例（Kaplan–Meier）：最早、居中与最新且时间足够的季度。";
    quarter_from: "Quarter from", "季度起始";
    after_months: "After {n} months", "{n} 个月后";
    customer_stage: "Stage", "所处阶段";
    customer_next: "Next order", "下一单";
    customer_next_days: "by {q10} (10%), {q50} (50%), {q90} (90%)", "{q10}前（10%），{q50}前（50%），{q90}前（90%）";
    customer_next_never: "not within ten years", "十年之内难以等到";
    customer_silent: "No order within", "期内不下单";
    customer_orders_expected: "Orders (80%)", "预期订单（80%）";
    customer_spend_bands: "Spend in {days}", "{days}消费";
    customer_bands: "{spend}: half between {lo50} and {hi50}, 80% between {lo80} and {hi80}, 95% between {lo95} and {hi95}",
        "{spend}：50% 区间 {lo50} 至 {hi50}，80% 区间 {lo80} 至 {hi80}，95% 区间 {lo95} 至 {hi95}";
    customer_alive: "Alive by the law", "规律下仍活跃";
    customer_alive_note: "{p}; not the chance of an order, and no churn score", "{p}；并非下单概率，也不是流失评分";
    customer_heading: "Customer {id} · as of {as_of}", "客户 {id} · 截至{as_of}";
    customer_segment: "Segment", "所属分群";
    customer_churn: "Leaves within {horizon}", "{horizon}内流失的概率";
    customer_churn_bare: "Leaves", "流失概率";
    customer_spend: "Spend in {horizon}", "{horizon}内的消费";
    customer_spend_bare: "Spend", "消费";
    customer_interval: "80% between {lo} and {hi}", "80% 区间 {lo} 至 {hi}";
    interval_raised_short: ", a mean few carry", "，少数拉高";
    interval_raised: " (more than four in five such customers spend less than this mean, which a few carry: the upper end is the mean itself)",
        "（五分之四以上的同类客户消费低于这一由少数客户拉高的均值，故区间上限即为均值本身）";
    customer_so_far: "So far", "迄今";
    customer_so_far_value: "{spend} on {orders} purchase days, {first} to {last}", "{first}至{last}，{orders} 个购买日，共 {spend}";
    customer_once: "{spend} on one purchase day, {first}", "{first}购买一天，共 {spend}";
    customer_no_orders: "no purchase day before the as-of day", "截止日之前没有购买";
    customer_orders: "Last orders", "最近订单";
    customer_order_line: "{day}  {total}  {items}  {id}", "{day}  {total}  {items}  {id}";
    noun_items: "{n} item|{n} items", "{n} 件";
    customer_reasons: "Why: what moves the probability of leaving (log-odds)", "理由：推动流失概率的因素（对数几率）";
    customer_no_reasons: "The model that answers gives no reasons by feature.", "当前作答的模型不按特征给出理由。";
    customer_start: "start, everybody", "起点（全体）";
    customer_rest: "all other features", "其余特征";
    customer_sum: "sum", "合计";
    not_scored: "not scored: {reason}", "未评分：{reason}";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{EN, ENTRIES, ZH};

    fn holes(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn both_languages_are_complete() {
        assert!(ENTRIES.len() > 200 && EN.rows == "Rows" && ZH.rows == "行数");
        for (key, en, zh) in ENTRIES {
            assert!(!en.trim().is_empty() && !zh.trim().is_empty(), "{key} is empty");
            assert_eq!(holes(en), holes(zh), "{key}: the holes differ");
            let translated = zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            let wordless = !zh.chars().any(char::is_alphabetic) || holes(zh).len() > 1;
            assert!(translated || wordless, "{key} is not translated: {zh}");
            assert!(!en.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{key}: Chinese in the English");
        }
    }

    #[test]
    fn chinese_is_punctuated_as_chinese() {
        for (key, _, zh) in ENTRIES {
            let chars: Vec<char> = zh.chars().collect();
            for pair in chars.windows(2) {
                let han = ('\u{4e00}'..='\u{9fff}').contains(&pair[0]);
                assert!(!(han && matches!(pair[1], ',' | ';' | '?' | '!' | '(')), "{key}: {zh}");
            }
        }
    }
}
