//! Every setting written out: the file `perennial init` makes, and the reference page.

use std::fmt::Write;

use super::Settings;

/// `perennial.toml` with these values; each setting with its meaning above it.
#[must_use]
pub fn settings_file(settings: &Settings) -> String {
    let mut text = String::from(
        "# Perennial's settings for this shop. Unknown names are errors. `perennial config explain` says what is in force and why.\n",
    );
    let keys = Settings::keys();
    for (section, help) in Settings::SECTIONS {
        text.push('\n');
        push_comment(&mut text, help);
        let _ = writeln!(text, "[{section}]");
        for key in keys.iter().filter(|key| key.section == *section) {
            push_comment(&mut text, key.help);
            let value = settings.get(key.section, key.name).unwrap_or_default();
            let _ = writeln!(text, "{} = {value}", key.name);
        }
    }
    text
}

fn push_comment(text: &mut String, help: &str) {
    for line in help.trim().lines() {
        let _ = writeln!(text, "# {}", line.trim());
    }
}

/// `docs/reference/settings.md`.
#[must_use]
pub fn reference_page() -> String {
    let mut text = String::from(
        "# Settings\n\nGenerated from the declaration in `crates/perennial/src/config/mod.rs`; `perennial config reference` prints it.\n\n\
         A value comes from, the later winning: the default, `perennial.toml`, the environment variable `PERENNIAL_SECTION_NAME`, \
         `--set section.name=value`. `perennial config explain` says which it was.\n",
    );
    let keys = Settings::keys();
    for (section, help) in Settings::SECTIONS {
        let _ = write!(text, "\n## {section}\n\n{}\n\n| setting | default | meaning |\n|---|---|---|\n", help.trim());
        for key in keys.iter().filter(|key| key.section == *section) {
            let meaning = key.help.trim().replace('\n', " ").replace('|', "\\|");
            let _ = writeln!(text, "| `{}` | `{}` | {} |", key.name, key.default, meaning.trim());
        }
    }
    text
}
