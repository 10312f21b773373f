//! The menu: what the visitor may, and nothing else.

use super::view::MenuItem;
use super::visit::Visit;
use crate::access::Action;

const ITEMS: [(&str, Action, &str, &str); 9] = [
    ("/", Action::ReportRead, "Home", "首页"),
    ("/customers", Action::CustomersRead, "Customers", "客户"),
    ("/segments", Action::SegmentsRead, "Segments", "分群"),
    ("/models", Action::ModelsRead, "Models", "模型"),
    ("/imports", Action::ImportsRead, "Imports", "导入"),
    ("/people", Action::UsersManage, "People and keys", "人员与密钥"),
    ("/audit", Action::AuditRead, "Audit log", "审计日志"),
    ("/settings", Action::SettingsRead, "Settings", "设置"),
    ("/report", Action::ReportRead, "Report", "报告"),
];

pub fn items(visit: &Visit) -> Vec<MenuItem> {
    let is_here = |href: &str| visit.path == href || (href != "/" && visit.path.starts_with(&format!("{href}/")));
    let allowed = ITEMS.into_iter().filter(|(_, action, ..)| visit.may(*action));
    allowed.map(|(href, _, en, zh)| MenuItem { href, text: visit.of(en, zh), is_here: is_here(href) }).collect()
}
