//! Where customers live and what they are called. E-mail domains are those reserved for examples.

use super::Language;

pub struct Country {
    pub code: &'static str,
    /// Share of customers, in percent; the list sums to 100.
    pub share: f32,
    /// Value-added or sales tax in percent.
    pub tax_percent: i64,
    /// How many days a parcel takes, at least.
    pub delivery_days: f64,
    /// How likely a customer there writes Chinese.
    pub chinese_share: f64,
    pub regions: &'static [&'static str],
}

pub const COUNTRIES: [Country; 8] = [
    Country {
        code: "CN",
        share: 34.0,
        tax_percent: 13,
        delivery_days: 1.5,
        chinese_share: 0.97,
        regions: &["Guangdong", "Zhejiang", "Jiangsu", "Shanghai", "Beijing", "Sichuan", "Hubei", "Shandong", "Fujian", "Hunan"],
    },
    Country {
        code: "GB",
        share: 22.0,
        tax_percent: 20,
        delivery_days: 2.0,
        chinese_share: 0.03,
        regions: &["England", "Scotland", "Wales", "Northern Ireland"],
    },
    Country {
        code: "US",
        share: 20.0,
        tax_percent: 7,
        delivery_days: 2.5,
        chinese_share: 0.04,
        regions: &["California", "New York", "Texas", "Florida", "Washington", "Illinois", "Massachusetts", "Oregon"],
    },
    Country {
        code: "DE",
        share: 8.0,
        tax_percent: 19,
        delivery_days: 3.0,
        chinese_share: 0.02,
        regions: &["Berlin", "Bavaria", "Hamburg", "Hesse", "Saxony"],
    },
    Country {
        code: "SG",
        share: 6.0,
        tax_percent: 9,
        delivery_days: 2.0,
        chinese_share: 0.45,
        regions: &["Central", "East", "North", "West"],
    },
    Country {
        code: "AU",
        share: 5.0,
        tax_percent: 10,
        delivery_days: 4.0,
        chinese_share: 0.06,
        regions: &["New South Wales", "Victoria", "Queensland", "Western Australia"],
    },
    Country {
        code: "CA",
        share: 3.0,
        tax_percent: 13,
        delivery_days: 3.5,
        chinese_share: 0.08,
        regions: &["Ontario", "British Columbia", "Quebec", "Alberta"],
    },
    Country {
        code: "HK",
        share: 2.0,
        tax_percent: 0,
        delivery_days: 1.5,
        chinese_share: 0.85,
        regions: &["Hong Kong Island", "Kowloon", "New Territories"],
    },
];

/// A name as written, and in Latin letters for an address.
pub struct Name {
    pub written: &'static str,
    pub latin: &'static str,
}

const fn name(written: &'static str, latin: &'static str) -> Name {
    Name { written, latin }
}

const EN_GIVEN: [&str; 32] = [
    "Olivia", "Noah", "Amelia", "George", "Isla", "Arthur", "Ava", "Leo", "Grace", "Harry", "Freya", "Oscar", "Emily", "Jack",
    "Sophie", "Henry", "Maya", "Lucas", "Nora", "Ethan", "Hannah", "Felix", "Clara", "Jonas", "Priya", "Omar", "Elena", "Mateo",
    "Zoe", "Daniel", "Ruth", "Samuel",
];
const EN_FAMILY: [&str; 32] = [
    "Smith", "Jones", "Taylor", "Brown", "Wilson", "Evans", "Walker", "Wright", "Green", "Hall", "Wood", "Clarke", "Patel",
    "Hughes", "Turner", "Hill", "Moore", "Cooper", "Ward", "Morris", "King", "Baker", "Meyer", "Schmidt", "Fischer", "Garcia",
    "Nguyen", "Kim", "Murphy", "Campbell", "Reid", "Shaw",
];
const ZH_FAMILY: [Name; 24] = [
    name("王", "wang"),
    name("李", "li"),
    name("张", "zhang"),
    name("刘", "liu"),
    name("陈", "chen"),
    name("杨", "yang"),
    name("赵", "zhao"),
    name("黄", "huang"),
    name("周", "zhou"),
    name("吴", "wu"),
    name("徐", "xu"),
    name("孙", "sun"),
    name("胡", "hu"),
    name("朱", "zhu"),
    name("高", "gao"),
    name("林", "lin"),
    name("何", "he"),
    name("郭", "guo"),
    name("马", "ma"),
    name("罗", "luo"),
    name("梁", "liang"),
    name("宋", "song"),
    name("郑", "zheng"),
    name("谢", "xie"),
];
const ZH_GIVEN: [Name; 24] = [
    name("伟", "wei"),
    name("芳", "fang"),
    name("娜", "na"),
    name("敏", "min"),
    name("静", "jing"),
    name("丽", "li"),
    name("强", "qiang"),
    name("磊", "lei"),
    name("洋", "yang"),
    name("艳", "yan"),
    name("勇", "yong"),
    name("杰", "jie"),
    name("婷", "ting"),
    name("雪", "xue"),
    name("子涵", "zihan"),
    name("梓轩", "zixuan"),
    name("雨桐", "yutong"),
    name("浩然", "haoran"),
    name("思远", "siyuan"),
    name("佳怡", "jiayi"),
    name("晓明", "xiaoming"),
    name("文博", "wenbo"),
    name("欣妍", "xinyan"),
    name("宇航", "yuhang"),
];

/// The written full name and its Latin parts, from two numbers.
pub fn full_name(language: Language, given: usize, family: usize) -> (String, &'static str, &'static str) {
    match language {
        Language::En => {
            let (given, family) = (EN_GIVEN[given % EN_GIVEN.len()], EN_FAMILY[family % EN_FAMILY.len()]);
            (format!("{given} {family}"), given, family)
        }
        Language::Zh => {
            let (given, family) = (&ZH_GIVEN[given % ZH_GIVEN.len()], &ZH_FAMILY[family % ZH_FAMILY.len()]);
            (format!("{}{}", family.written, given.written), given.latin, family.latin)
        }
    }
}
