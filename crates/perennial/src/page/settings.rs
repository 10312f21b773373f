//! The settings in force and where each came from; they are changed in the shop's file.

use super::view::{Block, Cell, Head, Table, Tone};
use super::visit::{Answer, Visit};
use crate::access::Action;
use crate::config::Settings;
use crate::http::{Needs, Route};
use crate::shop::SETTINGS_FILE;

pub fn routes() -> Vec<Route> {
    vec![Route::get("/settings", Needs::To(Action::SettingsRead), show)]
}

async fn show(visit: Visit) -> Answer {
    let settings = &visit.app.shop.settings;
    let mut blocks = vec![Block::Text(format!(
        "{} {SETTINGS_FILE}{}",
        visit.of("Settings are read once, at the start, from the file", "设置在启动时读取自文件"),
        visit.of(", the environment and the command line.", "、环境变量与命令行。")
    ))];
    for (section, help) in Settings::SECTIONS {
        let keys = Settings::keys();
        let rows = keys.iter().filter(|key| key.section == *section).map(|key| {
            let value = settings.get(key.section, key.name).unwrap_or_default();
            let setting = format!("{}.{}", key.section, key.name);
            let origin = visit.app.shop.origins.get(&setting);
            let origin = origin.map_or_else(|| visit.of("default", "默认值").to_owned(), ToString::to_string);
            let standing = if value == key.default {
                Cell::Text(String::new())
            } else {
                Cell::Tag(Tone::Watch, visit.of("changed", "已更改").to_owned())
            };
            vec![Cell::Code(setting), Cell::Code(value), standing, Cell::Text(origin)]
        });
        let table = Table {
            caption: visit.of(help.lines().next().unwrap_or_default().trim(), "此组设置").to_owned(),
            heads: vec![
                Head::text(visit.of("Setting", "设置")),
                Head::text(visit.of("Value", "值")),
                Head::text(visit.of("Against the default", "与默认值相比")),
                Head::text(visit.of("Where it is from", "来源")),
            ],
            rows: rows.collect(),
            empty: String::new(),
        };
        blocks.push(Block::Heading((*section).to_owned()));
        blocks.push(Block::Table(table));
    }
    visit.page(visit.of("Settings", "设置"), blocks)
}
