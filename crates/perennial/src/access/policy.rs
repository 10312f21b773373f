//! Which role may do what? Declared in Cedar, checked against a schema, and decided once for every pair when loaded.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, Request, Schema,
    ValidationMode, Validator,
};

use super::{AccessError, Action, Role};

const SCHEMA: &str = include_str!("schema.cedarschema");
const POLICIES: &str = include_str!("policies.cedar");
/// Name of our own policies in errors.
const POLICIES_NAME: &str = "policies.cedar";
/// Folder of a shop's own policies.
const FOLDER: &str = "policies";

/// The answer to every question that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix([[bool; Action::ALL.len()]; Role::ALL.len()]);

impl Matrix {
    /// The policies that come with the program and those in the shop's folder.
    pub fn load(shop: &Path) -> Result<Self, AccessError> {
        let mut files = vec![(POLICIES_NAME.to_owned(), POLICIES.to_owned())];
        files.extend(own_files(&shop.join(FOLDER))?);
        Self::of(&files)
    }

    #[must_use]
    pub fn allows(&self, role: Role, action: Action) -> bool {
        self.0[role as usize][action as usize]
    }

    /// The answers of these files, each with its name; the first one is ours and gives way to the others.
    fn of(files: &[(String, String)]) -> Result<Self, AccessError> {
        let set = policies(files)?;
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| wrong("schema.cedarschema", error))?;
        let checked = Validator::new(schema.clone()).validate(&set, ValidationMode::default());
        if let Some(error) = checked.validation_errors().next() {
            return Err(AccessError::Policies(error.to_string()));
        }
        // A warning is a policy that cannot do what its words seem to say; that is no place to be lenient.
        if let Some(warning) = checked.validation_warnings().next() {
            return Err(AccessError::Policies(warning.to_string()));
        }
        let (authorizer, entities) = (Authorizer::new(), schema.action_entities().map_err(|error| wrong("schema", error))?);
        let mut matrix = Self([[false; Action::ALL.len()]; Role::ALL.len()]);
        for &role in Role::ALL {
            for &action in Action::ALL {
                let request = question(role, action, &schema)?;
                matrix.0[role as usize][action as usize] = is_allowed(&authorizer, &request, &set, &entities)?;
            }
        }
        Ok(matrix)
    }
}

fn is_allowed(authorizer: &Authorizer, request: &Request, set: &PolicySet, entities: &Entities) -> Result<bool, AccessError> {
    let answer = authorizer.is_authorized(request, set, entities);
    // A policy that cannot be evaluated might have been the one that forbids.
    match answer.diagnostics().errors().next() {
        Some(error) => Err(AccessError::Policies(error.to_string())),
        None => Ok(answer.decision() == Decision::Allow),
    }
}

fn question(role: Role, action: Action, schema: &Schema) -> Result<Request, AccessError> {
    let name = |kind: &str, id: &str| -> Result<EntityUid, AccessError> {
        let kind = EntityTypeName::from_str(&format!("Perennial::{kind}")).map_err(|error| wrong(kind, error))?;
        Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
    };
    let (who, what, of) = (name("Role", role.name())?, name("Action", action.name())?, name("Shop", "shop")?);
    Request::new(who, what, of, Context::empty(), Some(schema)).map_err(|error| wrong("schema.cedarschema", error))
}

fn wrong(place: &str, error: impl std::fmt::Display) -> AccessError {
    AccessError::Policies(format!("{place}: {error}"))
}

/// The shop's policy files in the order of their names.
fn own_files(folder: &Path) -> Result<Vec<(String, String)>, AccessError> {
    let unread =
        |path: &Path, error: std::io::Error| AccessError::Policies(format!("{}: cannot be read: {error}", path.display()));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unread(folder, error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unread(folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| unread(path, error));
    paths.iter().map(|path| Ok((path.display().to_string(), read(path)?))).collect()
}

/// All policies; of ours, those remain whose @id no other file takes.
fn policies(files: &[(String, String)]) -> Result<PolicySet, AccessError> {
    // By @id; where there is none, by file and line. Each with the number of its file.
    let mut found: BTreeMap<String, (usize, Policy)> = BTreeMap::new();
    for (number, (file, text)) in files.iter().enumerate() {
        for (line, policy) in pieces(text) {
            let place = format!("{file}, the policy in line {line}");
            // Cedar names a policy by its id in what it finds wrong, so the id tells the place.
            let policy = Policy::parse(Some(PolicyId::new(&place)), policy).map_err(|error| wrong(&place, error))?;
            let id = policy.annotation("id").map_or_else(|| place.clone(), str::to_owned);
            if let Some((_, other)) = found.get(&id).filter(|(of, _)| *of != 0 || number == 0) {
                return Err(wrong(&place, format!("its @id {id:?} is taken by {}; give it another", other.id())));
            }
            found.insert(id, (number, policy));
        }
    }
    PolicySet::from_policies(found.into_values().map(|(_, policy)| policy)).map_err(|error| wrong(FOLDER, error))
}

/// The policies of a file, one by one with the line that each begins in, so that an error can say where.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let bytes = text.as_bytes();
    let (mut found, mut start, mut at) = (Vec::new(), None, 0);
    let mut line = 1;
    while at < bytes.len() {
        let from = at;
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|&b| b == b'\n').unwrap_or(bytes.len() - at)
            }
            b'"' => {
                start.get_or_insert((line, at));
                at += quoted(&bytes[at..]);
            }
            byte => {
                if !byte.is_ascii_whitespace() {
                    start.get_or_insert((line, at));
                }
                at += 1;
                if let (b';', Some((line, begin))) = (byte, start) {
                    found.push((line, &text[begin..at]));
                    start = None;
                }
            }
        }
        line += bytes[from..at.min(bytes.len())].iter().filter(|&&byte| byte == b'\n').count();
    }
    // What is left over is no whole policy; Cedar says what is missing.
    found.extend(start.map(|(line, begin)| (line, &text[begin..])));
    found
}

/// Length of the quoted text that `bytes` begins with.
fn quoted(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn with(own: &str) -> Result<Matrix, String> {
        let ours = (POLICIES_NAME.to_owned(), POLICIES.to_owned());
        Matrix::of(&[ours, ("own.cedar".to_owned(), own.to_owned())]).map_err(|error| error.to_string())
    }

    /// The whole of it, as a person reviews it.
    fn drawn(matrix: &Matrix) -> String {
        let mut text = format!("{:<16}", "");
        Role::ALL.iter().for_each(|role| text.push_str(&format!("{role:<16}")));
        for &action in Action::ALL {
            text = format!("{}\n{action:<16}", text.trim_end());
            for &role in Role::ALL {
                text.push_str(&format!("{:<16}", if matrix.allows(role, action) { "yes" } else { "-" }));
            }
        }
        text.trim_end().to_owned() + "\n"
    }

    #[test]
    fn the_matrix_is_the_one_reviewed() {
        let drawn = drawn(&with("").unwrap());
        assert_eq!(drawn, include_str!("matrix.txt"), "review the change and put this into matrix.txt:\n{drawn}");
    }

    #[test]
    fn the_schema_knows_the_words_of_the_program_and_no_others() {
        let (schema, warnings) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        assert_eq!(warnings.count(), 0);
        let actions: HashSet<String> = schema.actions().map(|action| action.id().unescaped().to_owned()).collect();
        assert_eq!(actions, Action::ALL.iter().map(|action| action.name().to_owned()).collect());
        // Every role can be asked for; the enumeration has no more than these.
        for &role in Role::ALL {
            question(role, Action::AuditRead, &schema).unwrap();
            assert!(SCHEMA.contains(&format!("{:?}", role.name())));
        }
        let roles = SCHEMA.split("Role enum [").nth(1).unwrap().split(']').next().unwrap();
        assert_eq!(roles.split(',').count(), Role::ALL.len());
    }

    #[test]
    fn without_policies_nothing_is_allowed() {
        let none = Matrix::of(&[]).unwrap();
        assert!(Role::ALL.iter().all(|&role| Action::ALL.iter().all(|&action| !none.allows(role, action))));
    }

    #[test]
    fn a_shop_adds_forbids_and_replaces() {
        let usual = with("").unwrap();
        assert!(!usual.allows(Role::Marketer, Action::IdentityRead));
        let added =
            r#"permit (principal == Perennial::Role::"marketer", action == Perennial::Action::"identity:read", resource);"#;
        let more = with(added).unwrap();
        assert!(more.allows(Role::Marketer, Action::IdentityRead) && more.allows(Role::Marketer, Action::SegmentsRead));
        let less = with(r#"forbid (principal, action == Perennial::Action::"exports:create", resource);"#).unwrap();
        assert!(Role::ALL.iter().all(|&role| !less.allows(role, Action::ExportsCreate)));
        let other = with("@id(\"marketer\")\npermit (principal == Perennial::Role::\"marketer\", action == Perennial::Action::\"report:read\", resource);").unwrap();
        assert!(other.allows(Role::Marketer, Action::ReportRead) && !other.allows(Role::Marketer, Action::SegmentsRead));
        assert!(other.allows(Role::Analyst, Action::SegmentsRead));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file_and_line() {
        let good = r#"permit (principal, action == Perennial::Action::"report:read", resource); // a note; with "marks"
"#;
        for (own, told) in [
            ("permit (principal action, resource);", "own.cedar, the policy in line 2"),
            ("permit (principal, action, resource)", "own.cedar, the policy in line 2"),
            ("\npermit (principal == Perennial::Role::\"ownr\", action, resource);", "own.cedar, the policy in line 3"),
            ("permit (principal, action == Perennial::Action::\"audit:raed\", resource);", "audit:raed"),
            ("permit (principal, action, resource) when { principal.name == \"x\" };", "own.cedar, the policy in line 2"),
            ("permit (principal == ?principal, action, resource);", "own.cedar, the policy in line 2"),
            (
                "@id(\"x\") permit (principal, action, resource);\n@id(\"x\") permit (principal, action, resource);",
                "is taken by own.cedar",
            ),
            ("permit (principal, action, resource) when { \"unclosed };", "own.cedar, the policy in line 2"),
            ("permit (principal == Perennial::Person::\"x\", action, resource);", "own.cedar, the policy in line 2"),
        ] {
            let error = with(&format!("{good}{own}")).unwrap_err();
            assert!(error.contains(told), "{own}\n{error}");
        }
    }

    #[test]
    fn policies_of_the_shops_folder_are_read() {
        let shop = tempfile::tempdir().unwrap();
        let usual = Matrix::load(shop.path()).unwrap();
        let folder = shop.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("notes.txt"), "no policy").unwrap();
        assert_eq!(Matrix::load(shop.path()).unwrap(), usual);
        fs::write(folder.join("a.cedar"), "forbid (principal, action, resource);").unwrap();
        assert!(!Matrix::load(shop.path()).unwrap().allows(Role::Owner, Action::SelfManage));
        fs::write(folder.join("b.cedar"), "permit").unwrap();
        let error = Matrix::load(shop.path()).unwrap_err().to_string();
        assert!(error.contains("b.cedar, the policy in line 1"), "{error}");
    }
}
