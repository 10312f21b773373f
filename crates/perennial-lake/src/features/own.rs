//! A shop's own feature files: `<shop>/features/*.sql`. Whatever they say, they see the tables as they were known before the as-of day.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use perennial_contract::estimator::column;

use super::FeatureError;
use super::group::{GROUPS, Group};

/// No feature file is longer than this: it is text a person wrote.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a shop keeps its own feature files; `None` or a folder that does not exist means it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnFeatures {
    pub dir: Option<PathBuf>,
}

impl OwnFeatures {
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn in_dir(dir: &Path) -> Self {
        Self { dir: Some(dir.to_owned()) }
    }

    /// The files as groups, in the order of their names.
    pub fn groups(&self) -> Result<Vec<Group>, FeatureError> {
        let Some(dir) = self.dir.as_deref().filter(|dir| dir.exists()) else { return Ok(Vec::new()) };
        let unreadable =
            |path: &Path, cause: std::io::Error| FeatureError::Read { path: path.to_owned(), cause: cause.to_string() };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(|e| unreadable(dir, e))? {
            let path = entry.map_err(|e| unreadable(dir, e))?.path();
            if path.extension().is_some_and(|extension| extension == "sql") && path.is_file() {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().map(|path| read(path, &unreadable)).collect()
    }
}

fn read(path: &Path, unreadable: &dyn Fn(&Path, std::io::Error) -> FeatureError) -> Result<Group, FeatureError> {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let own = |problem: String, advice| FeatureError::Own { file: format!("{name}.sql"), problem, advice };
    let bytes = std::fs::metadata(path).map_err(|e| unreadable(path, e))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(own(
            format!("has {bytes} bytes, allowed are {FILE_BYTES_MAX}"),
            "keep the query only, data belongs in the tables",
        ));
    }
    let sql = std::fs::read_to_string(path).map_err(|e| unreadable(path, e))?;
    if GROUPS.iter().any(|group| group.name == name) {
        return Err(own("has the name of a built-in group".to_owned(), "rename the file"));
    }
    let group = Group { name: name.clone().into(), sql: sql.into() };
    group.features()?;
    Ok(group)
}

/// Who gives which column, so that no two groups give the same.
#[derive(Debug)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    pub(super) fn built_in() -> Result<Self, FeatureError> {
        let mut names = BTreeMap::new();
        for group in GROUPS {
            names.extend(group.features()?.into_iter().map(|feature| (feature.name.to_owned(), group.name.to_string())));
        }
        Ok(Self(names))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Enter the columns of a shop's own group, or say what is wrong with a name.
    pub(super) fn claim(&mut self, group: &Group, name: &str) -> Result<(), FeatureError> {
        let own = |problem| FeatureError::Own {
            file: format!("{}.sql", group.name),
            problem,
            advice: "name it otherwise (`AS my_name`); small letters, digits and _, the unit last",
        };
        let well_formed = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if name.is_empty() || !well_formed {
            return Err(own(format!("column {name:?} is not a plain name")));
        }
        if column::is_reserved(name) {
            return Err(own(format!("column {name:?} is a reserved name")));
        }
        match self.0.insert(name.to_owned(), group.name.to_string()) {
            Some(other) => Err(own(format!("column {name:?} is also given by the group {other:?}"))),
            None => Ok(()),
        }
    }
}
