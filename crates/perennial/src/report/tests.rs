use std::collections::{BTreeMap, BTreeSet};

use perennial_contract::Day;

use super::data::*;
use super::example::reason;
use super::language::NONE;
use super::*;

/// Renders, checks what must hold of every report, and returns the page. `PERENNIAL_REPORT_OUT=DIR` keeps the pages to look at.
fn check(name: &str, data: &ReportData) -> String {
    let page = render(data).expect("it renders");
    if let Ok(dir) = std::env::var("PERENNIAL_REPORT_OUT") {
        std::fs::write(format!("{dir}/{name}.html"), &page).expect("the page can be kept");
    }
    assert!(page.len() < 1_000_000, "{name}: {} bytes", page.len());
    for nonsense in
        ["NaN", ">inf<", "-inf", "{n}", "{share}", "{horizon}", "{broken}", "http://", "https://", "<img", "@import", "url("]
    {
        assert!(!page.contains(nonsense), "{name}: {nonsense:?} in the page");
    }
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "{name}: an id is used twice");
    for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(unique.contains(link), "{name}: dead link #{link}");
    }
    let charts = page.matches("<svg class=\"chart\"").count();
    assert_eq!(charts, page.matches("<desc id=").count(), "{name}: a chart without a description");
    for (open, close) in [("<svg", "</svg>"), ("<section", "</section>"), ("<table", "</table>"), ("<details", "</details>")] {
        assert_eq!(page.matches(open).count(), page.matches(close).count(), "{name}: {open} is not closed");
    }
    page
}

#[test]
fn the_example_says_everything_in_both_languages() {
    let page = check("example", &ReportData::example());
    for words in [
        "What you should know today",
        "今天应当知道的事",
        "Elastic-net logistic regression",
        "弹性网",
        "no finite maximum",
        "似然没有有限的最大值",
        "C10233",
        "24bb5fccf34d11309a5b1462ea4b875ebf120ec76fb38b2df2ddc308656f0623",
        "EUR\u{a0}3,",
        "2026年1月1日",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // Every figure has its table twin: as many charts as folded tables that are not profiles or provenance.
    let charts = page.matches("<svg class=\"chart\"").count();
    assert_eq!(charts % 2, 0);
    assert_eq!(page.matches("<figure").count(), charts);
    for figure in page.split("<figure").skip(1) {
        let figure = figure.split("</figure>").next().expect("a figure ends");
        assert!(figure.contains("<details><summary>") && figure.contains("<tbody>"), "a figure without its numbers");
    }
}

#[test]
fn the_same_data_give_the_same_bytes_also_through_json() {
    let data = ReportData::example();
    let text = serde_json::to_string(&data).expect("it is plain data");
    let again: ReportData = serde_json::from_str(&text).expect("and reads back");
    assert_eq!(render(&data).expect("renders"), render(&again).expect("renders"));
}

#[test]
fn an_empty_shop_a_lonely_customer_and_a_refusal_render() {
    let empty = check("nothing", &ReportData::nothing());
    assert!(empty.contains("There are no orders yet") && empty.contains("没有订单"));
    assert!(!empty.contains("class=\"refusals\""), "nothing was refused in an empty shop");

    let refused = check("refused", &ReportData::refused());
    assert!(refused.contains("class=\"refusals\"") && refused.contains("93 of 14,904"));
    assert!(refused.contains("lang=\"en\">93 of 14,904"), "an English reason in the Chinese page is marked as English");
    assert!(!refused.contains("fig-reliability"));

    let one = check("one", &one_customer());
    assert!(one.contains("1 customer ") || one.contains("1 customer,"), "one customer is not many");
}

#[test]
fn hindsight_and_season_stand_beside_the_headline() {
    let mut data = ReportData::example();
    let page = check("example", &data);
    assert!(!page.contains("Hindsight:") && !page.contains("Season:") && page.contains("is known to the models"));
    data.frame.hindsight = Some(Hindsight { tasks: vec!["churn".into(), "outlook".into()], trained_as_of: Day(20_500) });
    let window = |from: i32, share| SeasonWindow { from: Day(from), share };
    data.frame.season = Some(Season { ahead: window(20_090, 0.412), judged: window(20_000, 0.351), is_known: false });
    let page = check("hindsight", &data);
    let before = |first: &str, second: &str| page.find(first).zip(page.find(second)).is_some_and(|(a, b)| a < b);
    assert!(before("Hindsight: the models of Churn, Outlook were trained as of 16 Feb 2026", "will not order again"));
    assert!(before("will not order again", "Season: a year ago 41.2%") && before("but 35.1%", "of their usual spending"));
    assert!(
        page.contains("more will order, and fewer leave")
            && page.contains("流失与价值模型不含季节因素：若今年情形相同，下单者会多于")
    );
    // What the frame says of the day is no longer that nothing later is known.
    assert!(!page.contains("is known to the models") && page.contains("do know later days: they were trained as of 16 Feb 2026"));
    assert!(page.contains("事后之见：流失、前景的模型训练截至2026年2月16日") && page.contains("的模型知道之后的日子"));
    data.frame.season = data.frame.season.map(|season| Season { is_known: true, ..season });
    let page = check("season", &data);
    assert!(page.contains("moved by what past years did alike") && !page.contains("more will order, and fewer leave"));
    data.frame.season = Some(Season { ahead: window(20_090, 0.2), judged: window(20_000, 0.351), is_known: false });
    assert!(check("quiet", &data).contains("fewer will order, and more leave"));
}

#[test]
fn moving_down_is_told_from_growing_silent() {
    let mut data = ReportData::example();
    let page = check("example", &data);
    assert!(page.contains("of them have not ordered since: those moved by the passing of time alone"));
    if let Section::Shown(segments) = &mut data.segments {
        segments.migration.iter_mut().for_each(|moved| moved.silent = moved.counts.clone());
    }
    let page = check("drifted", &data);
    assert!(page.contains("by the passing of time alone") && page.contains("只是时间推移所致") && !page.contains("moved from"));
}

#[test]
fn one_reason_is_told_once_and_nothing_is_promised_where_all_is_refused() {
    let mut data = ReportData::refused();
    data.outlook = Section::Refused("too short".into());
    let page = check("refused", &data);
    let box_of =
        |page: &str| page.split("class=\"refusals\"").nth(1).and_then(|rest| rest.split("</section>").next()).map(str::to_owned);
    let refusals = box_of(&page).expect("the box");
    assert_eq!(refusals.matches("93 of 14,904").count(), 1, "{refusals}");
    assert!(page.contains("No forecast was good enough to be shown") && page.contains("没有预测达到可展示的标准"));
    assert!(!page.contains("what each customer will probably do"));
    assert!(check("example", &ReportData::example()).contains("what each customer will probably do"));
}

/// The part of a page between two marks, both languages behind each other.
fn figures<'p>(page: &'p str, id: &str) -> Vec<&'p str> {
    let part = |figure: &'p str| figure.split("</figure>").next().filter(|part| part.contains(id));
    page.split("<figure").skip(1).filter_map(part).collect()
}

#[test]
fn groups_without_active_customers_have_no_probability_of_leaving() {
    let page = check("example", &ReportData::example());
    for (id, words, nobody) in [
        ("en-fig-leaving", "who bought in the last 180 days", "nobody active"),
        ("zh-fig-leaving", "过去 180 天内购买过", "无活跃客户"),
    ] {
        let [figure] = figures(&page, id)[..] else { panic!("{id} is not there once") };
        assert!(figure.contains(words), "{figure}");
        // Two of nine groups, in the drawing and in its table.
        assert_eq!(figure.matches(nobody).count(), 4, "{figure}");
        assert_eq!(figure.matches("class=\"risk\"").count(), 7, "{figure}");
    }
}

#[test]
fn a_model_without_reasons_claims_none() {
    let mut data = ReportData::example();
    if let Section::Shown(list) = &mut data.at_risk {
        list.explains = false;
        list.model = "bgnbd".into();
        list.customers.iter_mut().for_each(|customer| customer.reasons.clear());
        for (customer, p) in list.customers.iter_mut().zip([0.18, 0.3, 0.7]) {
            customer.p_churn = p;
        }
    }
    let page = check("no-reasons", &data);
    assert!(page.contains("gives no reasons by feature") && page.contains("不按特征给出理由"));
    for claim in ["Bars to the right", "条形向右", "class=\"reasons\"", "add up exactly"] {
        assert!(!page.contains(claim), "{claim}");
    }
    for stake in ["plain\">18%", "watch\">30%", "risk\">70%"] {
        assert!(page.contains(&format!("class=\"stake {stake} likely to leave")), "{stake}");
    }
}

#[test]
fn a_baseline_that_answers_stands_alone() {
    let mut data = ReportData::example();
    if let Section::Shown(value) = &mut data.value {
        value.champion = "value_mean".into();
        value.metrics.iter_mut().for_each(|row| (row.baseline, row.difference) = (None, None));
    }
    let page = check("baseline", &data);
    let section =
        page.split("<section id=\"en-value\">").nth(1).and_then(|rest| rest.split("</section>").next()).expect("it is there");
    assert!(section.contains("The baseline itself answers"), "{section}");
    let table = section.split("<table").nth(1).and_then(|rest| rest.split("</table>").next()).expect("a table");
    assert_eq!(table.matches("<th scope=\"col\"").count(), 2, "{table}");
    assert!(!table.contains(NONE), "{table}");
    // Money axes name their currency.
    assert!(page.contains("Net revenue by month, EUR") && page.contains("各十分位的预测与实际消费（EUR）"));
}

#[test]
fn groups_are_called_by_what_sets_them_apart() {
    let page = check("example", &ReportData::example());
    for name in ["<h4>Long gone quiet, ordered seldom</h4>", "<h4>消费高、下单频繁</h4>"] {
        assert!(page.contains(name), "{name}");
    }
    assert!(!page.contains("Group 1") && !page.contains("第 1 组"));
}

/// Everything present, nothing in it: one customer, one order, empty lists, sums of 0.
fn one_customer() -> ReportData {
    let mut data = ReportData::example();
    let day = Day(20_000);
    let month =
        MonthFacts { month: day, net_revenue_cents: -100, orders: 1, customers_active: 1, customers_first: 1, complete: false };
    data.overview = Overview { first_day: Some(day), last_day: Some(day), customers: 1, orders: 1, ..Overview::default() };
    data.overview.months = vec![month];
    data.overview.lorenz = vec![LorenzPoint { customers: 0.0, revenue: 0.0 }, LorenzPoint { customers: 1.0, revenue: 1.0 }];
    data.cohorts = Section::Shown(Cohorts { rows: vec![Cohort { month: day, customers: 0, active: vec![0] }], note: None });
    if let Section::Shown(churn) = &mut data.churn {
        churn.metrics.clear();
        churn.reliability = vec![ReliabilityBin { predicted: 0.0, observed: f64::NAN, customers: 0 }];
        churn.gain = vec![GainPoint { contacted: 0.0, captured: 0.0 }];
        churn.gain_baseline.clear();
        churn.scores = vec![0; 20];
        churn.importance.clear();
        churn.today = ChurnToday { customers: 0, leavers_expected: 0.0, usual_spend_cents: 0.0, at_risk_cents: 0.0 };
    }
    if let Section::Shown(value) = &mut data.value {
        value.actual_total_cents = 0;
        value.coverage_80 = None;
        value.deciles.truncate(1);
    }
    if let Section::Shown(segments) = &mut data.segments {
        segments.rfm.truncate(1);
        segments.rfm[0].spend_cents = -5;
        segments.rfm[0].customers = 0;
        segments.migration =
            Some(Migration { from: day, to: day, names: vec![], counts: vec![], silent: vec![], arrivals: vec![] });
        segments.clusters = Section::Refused("fewer customers than groups".into());
    }
    data.at_risk = Section::Shown(AtRisk { model: "logistic".into(), explains: true, customers: vec![] });
    data
}

#[test]
fn data_cannot_become_markup() {
    const EVIL: &str = "<script>alert(1)</script>\"'&\u{202e}";
    let mut data = ReportData::example();
    data.shop.name = EVIL.into();
    data.shop.zone = EVIL.into();
    data.shop.currency = EVIL.into();
    for model in &mut data.models {
        model.name = EVIL.into();
        model.reason = Some(EVIL.into());
        model.metrics.iter_mut().for_each(|m| m.metric = EVIL.into());
    }
    if let Section::Shown(list) = &mut data.at_risk {
        list.customers[0].customer_id = EVIL.into();
        list.customers[0].segment = Some(EVIL.into());
        list.customers[0].reasons = vec![reason(EVIL, Some(FeatureValue::Text(EVIL.into())), 1.0)];
    }
    if let Section::Shown(segments) = &mut data.segments {
        segments.rfm.iter_mut().for_each(|s| s.name = EVIL.into());
        segments.migration.iter_mut().flat_map(|m| &mut m.names).for_each(|name| *name = EVIL.into());
    }
    if let Section::Shown(churn) = &mut data.churn {
        churn.importance.iter_mut().for_each(|i| i.feature = EVIL.into());
        churn.champion = EVIL.into();
    }
    if let Section::Shown(quality) = &mut data.quality {
        quality.overridden = Some(EVIL.into());
        quality.open = false;
        quality.tables[0].name = EVIL.into();
        quality.tables[0].columns[0].max = Some(EVIL.into());
        quality.rejects[0].reason = EVIL.into();
    }
    data.provenance.batches[0].files[0].name = EVIL.into();
    data.provenance.version = EVIL.into();
    let page = check("evil", &data);
    assert_eq!(page.matches("<script>").count(), 1, "only the page's own script");
    assert!(!page.contains("alert(1)</script>"));
    assert!(page.contains("&lt;script&gt;alert(1)") || page.contains("&#60;script&#62;alert(1)"));
}

#[test]
fn text_and_ground_have_the_contrast_a_reader_needs() {
    let light = include_str!("../../templates/report/light.css");
    let dark = include_str!("../../templates/report/dark.css");
    for (theme, sheet) in [("light", light), ("dark", dark)] {
        let colour = |name: &str| {
            let start = sheet.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("{theme} has no --{name}"));
            let hex = &sheet[start + name.len() + 5..start + name.len() + 11];
            let part = |i: usize| f64::from(u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")) / 255.0;
            let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
            // WCAG 2.2, relative luminance.
            0.2126 * linear(part(0)) + 0.7152 * linear(part(2)) + 0.0722 * linear(part(4))
        };
        let contrast = |a: &str, b: &str| {
            let (a, b) = (colour(a), colour(b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for ground in ["paper", "card", "plain-wash", "risk-wash", "watch-wash", "good-wash"] {
            for ink in ["ink", "soft"] {
                assert!(contrast(ink, ground) >= 4.5, "{theme}: {ink} on {ground} is {:.2}", contrast(ink, ground));
            }
        }
        for (ink, ground) in
            [("risk", "risk-wash"), ("watch", "watch-wash"), ("good", "good-wash"), ("main", "paper"), ("risk", "paper")]
        {
            assert!(contrast(ink, ground) >= 4.5, "{theme}: {ink} on {ground} is {:.2}", contrast(ink, ground));
        }
        for level in 0..=8 {
            let ink = if level < 6 { "heat-low" } else { "heat-high" };
            let found = contrast(ink, &format!("h{level}"));
            assert!(found >= 4.5, "{theme}: {ink} on h{level} is {found:.2}");
        }
        for mark in ["main", "base", "risk"] {
            assert!(contrast(mark, "paper") >= 3.0, "{theme}: {mark} is {:.2}", contrast(mark, "paper"));
        }
    }
}

fn picture() -> CustomerPicture {
    CustomerPicture {
        customer_id: "17850".into(),
        as_of: Day(15_310),
        horizon_days: 90,
        currency: "GBP".into(),
        segment: Some("at_risk".into()),
        eligible: Some(true),
        churn_window_days: Some(90),
        not_eligible: None,
        p_churn: Some(0.731),
        spend_cents: Some(21_040),
        spend_cents_lo80: Some(0),
        spend_cents_hi80: Some(60_312),
        not_scored: None,
        outlook: Some(OutlookPicture {
            stage: "at_risk".into(),
            stage_name: Phrase::both("At risk", "有流失风险"),
            stage_meaning: Phrase::both("well overdue", "明显超过应下单时间"),
            p_alive: Some(0.31),
            gap_days_mean: Some(2.0),
            next_order_days: [Some(40.0), Some(170.5), None],
            horizons: vec![HorizonPicture {
                days: 90,
                is_extrapolated: false,
                p_no_order: Some(0.7),
                orders_expected: Some(0.61),
                spend_cents: Some(21_040),
                spend_cents_50: Some((0, 10_000)),
                spend_cents_80: Some((0, 60_312)),
                spend_cents_95: Some((0, 120_000)),
                orders_50: Some((0, 1)),
                orders_80: Some((0, 2)),
                orders_95: Some((0, 4)),
                gross_cents: Some(23_000),
                gross_cents_50: Some((0, 11_000)),
                gross_cents_80: Some((0, 66_000)),
                gross_cents_95: Some((0, 132_000)),
                margin_cents: None,
                margin_cents_50: None,
                margin_cents_80: None,
                margin_cents_95: None,
            }],
        }),
        hindsight: vec![],
        trained_as_of: BTreeMap::new(),
        orders: 34,
        spent_cents: 539_121,
        first_order_on: Some(Day(14_944)),
        last_order_on: Some(Day(15_009)),
        last_orders: vec![
            PastOrder { order_id: "536365".into(), on: Day(15_009), total_cents: 13_912, items: 40 },
            PastOrder { order_id: "536366".into(), on: Day(14_999), total_cents: 2_220, items: 1 },
        ],
        reasons: vec![
            reason("days_since_last_order", Some(FeatureValue::Number(301.0)), 1.42),
            reason("orders_all", Some(FeatureValue::Number(34.0)), -0.61),
        ],
        bias: Some(-0.2),
        rest: Some(0.39),
        words: ReportData::example().words,
        groups: BTreeMap::new(),
    }
}

#[test]
fn one_customer_is_told_in_lines() {
    let en = picture().lines(Language::En);
    assert_eq!(en[0], "Customer 17850 · as of 2 Dec 2011");
    assert!(en.iter().any(|line| line.contains("At risk")));
    assert!(en.iter().any(|line| line.starts_with("Stage") && line.ends_with("At risk: well overdue")));
    let next = "by 11 Jan 2012 (10%), 21 May 2012 (50%), not within ten years (90%)";
    assert!(en.iter().any(|line| line.contains(next)), "{en:?}");
    assert!(
        en.iter().any(|line| line.contains("half between GBP\u{a0}0 and GBP\u{a0}100, 80% between GBP\u{a0}0 and GBP\u{a0}603"))
    );
    assert!(en.iter().any(|line| line.starts_with("Leaves within 90 days") && line.contains("73.1%")));
    assert!(en.iter().any(|line| line.contains("GBP\u{a0}210  80% between GBP\u{a0}0 and GBP\u{a0}603")));
    assert!(en.iter().any(|line| line.contains("+1.42") && line.contains("│████████████") && line.contains("301 days")));
    assert!(en.iter().any(|line| line.contains("−0.61") && line.contains("█████│")));
    assert!(en.iter().any(|line| line.contains("+1.00") && line.ends_with("sum")));
    let zh = picture().lines(Language::Zh);
    if let Ok(dir) = std::env::var("PERENNIAL_REPORT_OUT") {
        std::fs::write(format!("{dir}/customer.txt"), [en.join("\n"), zh.join("\n")].join("\n\n")).expect("it can be kept");
    }
    assert!(zh.iter().any(|line| line.contains("流失风险")) && zh.iter().any(|line| line.contains("距上次购买天数：301 天")));
}

#[test]
fn a_customer_outside_the_look_back_is_marked() {
    let mut picture = picture();
    picture.eligible = Some(false);
    picture.not_eligible = Some(Phrase::both("silent for 303 days, longer than the look-back", "已 303 天未购买"));
    picture.groups = BTreeMap::from([(
        "k1".to_owned(),
        GroupWords {
            name: Phrase::both("spend much, order often", "消费高、下单频繁"),
            description: Phrase::both("spend much", "消费高"),
        },
    )]);
    picture.segment = Some("k1".into());
    let (en, zh) = (picture.lines(Language::En), picture.lines(Language::Zh));
    let churn = en.iter().position(|line| line.contains("73.1%")).expect("the score");
    assert!(en[churn + 1].trim_start().starts_with("↑ silent for 303 days"), "{en:?}");
    assert!(zh.iter().any(|line| line.contains("↑ 已 303 天未购买")), "{zh:?}");
    assert!(
        en.iter().any(|line| line.ends_with("Spend much, order often")) && en.iter().any(|line| line.ends_with("Spend much."))
    );
    (picture.reasons, picture.bias, picture.rest) = (vec![], None, None);
    assert!(picture.lines(Language::En).iter().any(|line| line.contains("gives no reasons by feature")));
}

#[test]
fn a_customer_without_scores_says_why() {
    let mut picture = picture();
    picture.p_churn = None;
    picture.spend_cents = None;
    picture.segment = None;
    picture.not_scored = Some("the gate refused every churn model".into());
    picture.reasons.clear();
    picture.last_orders.clear();
    picture.first_order_on = None;
    picture.customer_id = "a\u{1b}[31mb\nc".into();
    let lines = picture.lines(Language::En);
    assert!(lines.iter().any(|line| line.contains("not scored: the gate refused")));
    assert!(lines.iter().any(|line| line.contains(NONE)) && lines.iter().any(|line| line.contains("no purchase day")));
    assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "data cannot drive the terminal");
}

#[test]
fn a_picture_keeps_its_bits_through_json() {
    let mut picture = picture();
    picture.p_churn = Some(0.1 + 0.2);
    let text = serde_json::to_string(&picture).expect("plain data");
    let again: CustomerPicture = serde_json::from_str(&text).expect("reads back");
    assert_eq!(again.p_churn.map(f64::to_bits), picture.p_churn.map(f64::to_bits));
    assert!(text.contains("\"customer_id\":\"17850\"") && text.contains("\"spend_cents_lo80\":0,"));
}
