//! Who comes in, who stays out, and that every change of it stands in the log.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;

use super::caller::AuthenticatedBy;
use super::key::NewKey;
use super::second_factor::SecondFactor;
use super::session::NewSession;
use super::*;
use crate::audit::{Marks, Outcome};

const PASSWORD: &str = "a long walk by the sea";
const ADDRESS: &str = "192.0.2.7";
const HOUR: i64 = 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

struct House {
    shop: tempfile::TempDir,
    access: Access,
    owner: NewSession,
}

fn accepted(access: &Access, token: &str, login: &str, now: Timestamp) -> Result<NewSession, AccessError> {
    access.accept_invitation(&Acceptance { token, login, password: PASSWORD, address: ADDRESS }, now)
}

fn signed_in(access: &Access, login: &str, code: Option<&str>, now: Timestamp) -> Result<NewSession, AccessError> {
    access.sign_in(&SignIn { login, password: PASSWORD, code, address: ADDRESS }, now)
}

impl House {
    fn new() -> Self {
        let shop = tempfile::tempdir().unwrap();
        let access = Access::open(shop.path()).unwrap();
        let link = access.first_owner_link(at(0)).unwrap().unwrap();
        let owner = accepted(&access, &link, "Olga@Example.org", at(1)).unwrap();
        Self { shop, access, owner }
    }

    fn join(&self, login: &str, role: Role) -> NewSession {
        let token = self.access.invite(&self.owner.caller, &Invite { login, role }, at(2)).unwrap();
        accepted(&self.access, &token, login, at(3)).unwrap()
    }

    fn who(&self, token: &str, second: i64) -> Option<Caller> {
        self.access.by_session(token, at(second)).unwrap()
    }

    /// The last entry: who, what, and how it ended.
    fn told(&self) -> (String, String, String) {
        let last = self.access.audit_latest(&Caller::operator(), 1, None).unwrap().remove(0);
        (last.actor, last.action, last.outcome)
    }

    fn entries(&self) -> usize {
        self.access.audit_latest(&Caller::operator(), 10_000, None).unwrap().len()
    }

    /// The database as anybody with the file reads it.
    fn database(&self) -> Connection {
        Connection::open(self.shop.path().join(REGISTRY_FILE)).unwrap()
    }
}

fn id(session: &NewSession) -> i64 {
    session.caller.user_id().unwrap()
}

fn refused<T>(result: Result<T, AccessError>) -> bool {
    matches!(result, Err(AccessError::Refused(_)))
}

fn not_allowed<T>(result: Result<T, AccessError>) -> bool {
    matches!(result, Err(AccessError::NotAllowed { .. }))
}

#[test]
fn the_first_link_makes_the_owner_once() {
    let shop = tempfile::tempdir().unwrap();
    let access = Access::open(shop.path()).unwrap();
    let old = access.first_owner_link(at(0)).unwrap().unwrap();
    let link = access.first_owner_link(at(1)).unwrap().unwrap();
    assert!(
        matches!(accepted(&access, &old, "olga@example.org", at(2)), Err(AccessError::NoSuchLink)),
        "another was given since"
    );
    assert!(
        matches!(accepted(&access, &link, "olga@example.org", at(1 + 24 * HOUR)), Err(AccessError::NoSuchLink)),
        "a day is over"
    );
    assert!(matches!(accepted(&access, "0", "olga@example.org", at(2)), Err(AccessError::NoSuchLink)));
    assert!(matches!(
        access.accept_invitation(
            &Acceptance { token: &link, login: "olga@example.org", password: "short", address: ADDRESS },
            at(2)
        ),
        Err(AccessError::Weak(Weakness::Short))
    ));
    let session = accepted(&access, &link, "olga@example.org", at(2)).unwrap();
    assert_eq!(session.caller.actor.role(), Some(Role::Owner));
    assert!(matches!(accepted(&access, &link, "eve@example.org", at(3)), Err(AccessError::NoSuchLink)), "a link is good once");
    assert!(access.first_owner_link(at(4)).unwrap().is_none());
    assert!(Access::open(shop.path()).unwrap().first_owner_link(at(5)).unwrap().is_none());
}

#[test]
fn of_two_who_follow_one_link_at_once_one_comes_in() {
    let shop = tempfile::tempdir().unwrap();
    let access = Access::open(shop.path()).unwrap();
    let link = access.first_owner_link(at(0)).unwrap().unwrap();
    let came = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4)
            .map(|n| {
                let (access, link) = (&access, &link);
                scope.spawn(move || accepted(access, link, &format!("olga{n}@example.org"), at(1)).is_ok())
            })
            .collect();
        all.into_iter().map(|thread| thread.join().unwrap()).filter(|&came| came).count()
    });
    assert_eq!(came, 1);
    assert_eq!(access.list_users(&Caller::operator()).unwrap().len(), 1);
}

#[test]
fn a_name_and_a_password_open_and_nothing_else_does() {
    let house = House::new();
    let session = signed_in(&house.access, "  olga@example.ORG ", None, at(10)).unwrap();
    assert_eq!(session.caller.authenticated_by, AuthenticatedBy::Password);
    assert_eq!(house.told(), ("person:1".into(), "session:begin".into(), "done".into()));
    let caller = house.who(&session.token, 11).unwrap();
    assert_eq!(caller, session.caller);
    assert!(matches!(&caller.actor, Actor::Person { name, .. } if name == "Olga@Example.org"), "as it was given");
    let attempt = |login: &str, password: &str| {
        let error = house.access.sign_in(&SignIn { login, password, code: None, address: "198.51.100.1" }, at(12)).err().unwrap();
        assert!(matches!(error, AccessError::WrongLogin));
        error.to_string()
    };
    let (known, unknown) = (attempt("olga@example.org", "another long password"), attempt("eve@example.org", PASSWORD));
    assert_eq!(known, unknown, "nobody learns which names there are");
    assert_eq!(house.told(), ("nobody".into(), "session:begin".into(), "refused".into()));
    attempt(&"x".repeat(300), PASSWORD);
    attempt("olga@example.org", &"x".repeat(100_000));
    let kept = house.access.audit_latest(&Caller::operator(), 100, None).unwrap();
    assert!(kept.iter().all(|entry| !format!("{entry:?}").contains("eve@")), "a name typed in is not in the log");
}

#[test]
fn a_name_that_nobody_has_takes_as_long() {
    let house = House::new();
    let time = |login: &str, address: &str| {
        let begun = std::time::Instant::now();
        let _ = house.access.sign_in(&SignIn { login, password: "another long password", code: None, address }, at(10));
        begun.elapsed().as_secs_f64()
    };
    // The fastest of five each: both hash once, and that is nearly all they do.
    let fastest = |login: &str| (0..5).map(|n| time(login, &format!("198.51.100.{n}"))).fold(f64::INFINITY, f64::min);
    let (known, unknown) = (fastest("olga@example.org"), fastest("eve@example.org"));
    assert!(unknown > known * 0.5 && unknown < known * 2.0, "known {known} s, unknown {unknown} s");
}

#[test]
fn sessions_end_when_idle_when_old_and_when_left() {
    let house = House::new();
    let session = signed_in(&house.access, "olga@example.org", None, at(0)).unwrap();
    assert!(house.who(&session.token, HOUR - 1).is_some());
    assert!(house.who(&session.token, 2 * HOUR - 2).is_some(), "use keeps it alive");
    assert!(house.who(&session.token, 3 * HOUR - 2).is_none(), "an hour idle");
    let session = signed_in(&house.access, "olga@example.org", None, at(0)).unwrap();
    for half in 1..24 {
        assert!(house.who(&session.token, half * HOUR / 2).is_some(), "{half}");
    }
    assert!(house.who(&session.token, 12 * HOUR).is_none(), "twelve hours are all");
    let session = signed_in(&house.access, "olga@example.org", None, at(20 * HOUR)).unwrap();
    let caller = house.who(&session.token, 20 * HOUR).unwrap();
    house.access.sign_out(&caller, at(20 * HOUR + 1)).unwrap();
    assert!(house.who(&session.token, 20 * HOUR + 2).is_none());
    assert_eq!(house.told().1, "session:end");
}

#[test]
fn looking_somebody_up_writes_at_most_once_a_minute() {
    let house = House::new();
    let seen = || house.database().query_row("SELECT max(seen_at) FROM access_session", [], |row| row.get::<_, i64>(0)).unwrap();
    let first = seen();
    for second in 1..60 {
        assert!(house.who(&house.owner.token, 1 + second).is_some());
    }
    assert_eq!(seen(), first);
    assert!(house.who(&house.owner.token, 61).is_some());
    assert_eq!(seen(), at(61).as_second());
    // While somebody else writes, the look-up neither waits nor fails.
    let mut other = house.database();
    let writing = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let begun = std::time::Instant::now();
    assert!(house.who(&house.owner.token, 200).is_some());
    assert!(begun.elapsed().as_secs() < 5, "it waited for the writer");
    drop(writing);
    assert_eq!(seen(), at(61).as_second());
}

#[test]
fn a_tampered_cookie_is_nobody() {
    let house = House::new();
    let token = house.owner.token.to_string();
    for place in 0..token.len() {
        let mut letters = token.clone().into_bytes();
        letters[place] = if letters[place] == b'0' { b'1' } else { b'0' };
        assert!(house.who(std::str::from_utf8(&letters).unwrap(), 2).is_none(), "{place}");
        assert!(house.who(&token[..place], 2).is_none());
    }
    for other in ["", "x", &token.to_uppercase(), &format!("{token}0"), &format!("{token} "), "' OR 1=1 --"] {
        assert!(*other == token || house.who(other, 2).is_none(), "{other}");
    }
    // What stands in the database opens nothing: neither token nor its digits.
    let hash: Vec<u8> = house.database().query_row("SELECT hash FROM access_session", [], |row| row.get(0)).unwrap();
    assert!(house.who(&crate::audit::bytes::hex(&hash), 2).is_none());
}

#[test]
fn forms_prove_their_session() {
    let house = House::new();
    let other = signed_in(&house.access, "olga@example.org", None, at(4)).unwrap();
    let caller = house.who(&house.owner.token, 5).unwrap();
    let csrf = caller.csrf.clone().unwrap();
    assert!(caller.sent(&csrf));
    assert!(!caller.sent(&other.caller.csrf.unwrap()), "another session's");
    assert!(!caller.sent("") && !caller.sent(&csrf[1..]) && !caller.sent(&csrf.replace(&csrf[..1], "x")));
    assert!(!Caller::operator().sent(""), "who has none can send none");
}

#[test]
fn sessions_are_listed_and_ended_by_their_person() {
    let house = House::new();
    let anna = house.join("anna@example.org", Role::Analyst);
    let second = signed_in(&house.access, "anna@example.org", None, at(10)).unwrap();
    let rows = house.access.list_sessions(&anna.caller, at(11)).unwrap();
    assert_eq!(rows.iter().map(|row| row.is_this_one).collect::<Vec<_>>(), [false, true]);
    assert_eq!(rows[0].address, ADDRESS);
    let owners = house.owner.caller.session_id.unwrap();
    assert!(matches!(house.access.end_session(&anna.caller, owners, at(12)), Err(AccessError::Unknown { .. })));
    house.access.end_session(&anna.caller, rows[0].id, at(12)).unwrap();
    assert!(house.who(&second.token, 13).is_none() && house.who(&anna.token, 13).is_some());
    house.access.end_session(&house.owner.caller, rows[1].id, at(14)).unwrap();
    assert!(house.who(&anna.token, 15).is_none(), "who manages people ends sessions of all");
    for second in 0..30 {
        signed_in(&house.access, "anna@example.org", None, at(20 + second)).unwrap();
    }
    let anna = signed_in(&house.access, "anna@example.org", None, at(60)).unwrap();
    assert_eq!(house.access.list_sessions(&anna.caller, at(61)).unwrap().len(), 20);
}

#[test]
fn another_role_ends_the_sessions_and_another_password_rotates_them() {
    let house = House::new();
    let anna = house.join("anna@example.org", Role::Analyst);
    house.access.set_role(&house.owner.caller, id(&anna), Role::Auditor, at(5)).unwrap();
    assert_eq!(house.told(), ("person:1".into(), "user:set_role".into(), "done".into()));
    assert!(house.who(&anna.token, 6).is_none());
    let anna = signed_in(&house.access, "anna@example.org", None, at(7)).unwrap();
    assert_eq!(anna.caller.actor.role(), Some(Role::Auditor));
    let elsewhere = signed_in(&house.access, "anna@example.org", None, at(8)).unwrap();
    let change = |old, new| PasswordChange { old, new, address: ADDRESS };
    let wrong = house.access.change_password(&anna.caller, &change("not what it is now", "a quite different one"), at(9));
    assert!(matches!(wrong, Err(AccessError::WrongLogin)));
    assert!(matches!(house.access.change_password(&anna.caller, &change(PASSWORD, "anna"), at(9)), Err(AccessError::Weak(_))));
    let changed = house.access.change_password(&anna.caller, &change(PASSWORD, "a quite different one"), at(9)).unwrap();
    assert!(house.who(&anna.token, 10).is_none() && house.who(&elsewhere.token, 10).is_none());
    assert_eq!(house.who(&changed.token, 10).unwrap().actor, anna.caller.actor);
    assert!(signed_in(&house.access, "anna@example.org", None, at(11)).is_err(), "the old password is over");
}

#[test]
fn the_shop_always_has_an_owner_and_owners_are_for_owners() {
    let house = House::new();
    let (access, olga) = (&house.access, &house.owner.caller);
    let adam = house.join("adam@example.org", Role::Admin);
    assert!(refused(access.set_role(olga, id(&house.owner), Role::Admin, at(5))), "the only owner");
    assert!(refused(access.remove_user(olga, id(&house.owner), at(5))), "the only owner");
    assert!(refused(access.remove_user(&Caller::operator(), id(&house.owner), at(5))), "not even from the machine");
    for result in [
        access.set_role(&adam.caller, id(&house.owner), Role::Marketer, at(5)),
        access.set_role(&adam.caller, id(&adam), Role::Owner, at(5)),
        access.remove_user(&adam.caller, id(&house.owner), at(5)),
        access.stop_totp(&adam.caller, id(&house.owner), at(5)),
        access.invite(&adam.caller, &Invite { login: "eve@example.org", role: Role::Owner }, at(5)).map(|_| ()),
        access.set_role(olga, id(&adam), Role::Service, at(5)),
    ] {
        assert!(refused(result));
    }
    let before = house.entries();
    access.set_role(olga, id(&adam), Role::Owner, at(6)).unwrap();
    access.remove_user(olga, id(&house.owner), at(7)).unwrap();
    assert_eq!(house.entries(), before + 2);
    assert!(house.who(&house.owner.token, 8).is_none());
    assert!(signed_in(access, "olga@example.org", None, at(8)).is_err());
    let adam = signed_in(access, "adam@example.org", None, at(8)).unwrap();
    assert!(refused(access.remove_user(&adam.caller, id(&adam), at(9))), "the only owner now");
    // The name is free again, the number is not.
    let token = access.invite(&adam.caller, &Invite { login: "olga@example.org", role: Role::Marketer }, at(9)).unwrap();
    assert_eq!(id(&accepted(access, &token, "olga@example.org", at(10)).unwrap()), 3);
}

#[test]
fn only_who_manages_people_and_keys_does() {
    let house = House::new();
    for &role in Role::ALL {
        if [Role::Owner, Role::Admin, Role::Service].contains(&role) {
            continue;
        }
        let who = house.join(&format!("{role}@example.org"), role).caller;
        let access = &house.access;
        let wish = KeyWish { name: "shop", scopes: &[Action::ReportRead], ends_at: at(HOUR) };
        let before = house.entries();
        assert!(not_allowed(access.list_users(&who)) && not_allowed(access.list_keys(&who)));
        assert!(not_allowed(access.set_role(&who, 1, Role::Auditor, at(5))) && not_allowed(access.remove_user(&who, 1, at(5))));
        assert!(not_allowed(access.invite(&who, &Invite { login: "eve@example.org", role: Role::Auditor }, at(5))));
        assert!(not_allowed(access.make_key(&who, &wish, at(5))) && not_allowed(access.revoke_key(&who, "x", at(5))));
        assert!(not_allowed(access.stop_totp(&who, 1, at(5))));
        assert_eq!(house.entries(), before);
    }
}

#[test]
fn an_invitation_is_for_its_name_and_role() {
    let house = House::new();
    let (access, olga) = (&house.access, &house.owner.caller);
    let old = access.invite(olga, &Invite { login: "Anna@example.org", role: Role::Analyst }, at(5)).unwrap();
    let token = access.invite(olga, &Invite { login: "anna@example.org", role: Role::Marketer }, at(6)).unwrap();
    assert!(access.invited(&old, at(7)).is_err(), "the later one holds");
    let invited = access.invited(&token, at(7)).unwrap();
    assert_eq!((invited.login.as_deref(), invited.role), (Some("anna@example.org"), Role::Marketer));
    assert!(matches!(accepted(access, &token, "eve@example.org", at(7)), Err(AccessError::NoSuchLink)));
    assert!(matches!(accepted(access, &token, "anna@example.org", at(6 + 24 * HOUR)), Err(AccessError::NoSuchLink)));
    let anna = accepted(access, &token, "ANNA@example.org", at(7)).unwrap();
    assert_eq!(anna.caller.actor.role(), Some(Role::Marketer));
    assert!(refused(access.invite(olga, &Invite { login: "anna@EXAMPLE.org", role: Role::Analyst }, at(8))));
    for login in ["", "a", "two words", "tab\tbed", &"x".repeat(255)] {
        assert!(refused(access.invite(olga, &Invite { login, role: Role::Analyst }, at(8))), "{login}");
    }
}

fn secret_of(factor: &SecondFactor) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = factor.secret.chars().flat_map(|letter| {
        let value = DIGITS.find(letter).unwrap();
        (0..5).rev().map(move |place| value >> place & 1)
    });
    let bits: Vec<usize> = bits.collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | *bit as u8)).collect()
}

#[test]
fn a_second_factor_is_asked_for_and_no_code_is_taken_twice() {
    let house = House::new();
    let access = &house.access;
    let anna = house.join("anna@example.org", Role::Analyst);
    assert!(refused(access.confirm_totp(&anna.caller, "000000", at(99))), "none was begun");
    let factor = access.start_totp(&anna.caller, at(100)).unwrap();
    let secret = secret_of(&factor);
    assert_eq!(
        *factor.address,
        format!("otpauth://totp/Perennial:anna%40example.org?secret={}&issuer=Perennial", *factor.secret)
    );
    let code = |second: i64| totp::code_at(&secret, at(second));
    assert!(signed_in(access, "anna@example.org", None, at(100)).is_ok(), "not before it is confirmed");
    assert!(matches!(access.confirm_totp(&anna.caller, "12345", at(100)), Err(AccessError::WrongLogin)));
    let confirmed = access.confirm_totp(&anna.caller, &code(100), at(100)).unwrap();
    assert_eq!(house.told().1, "second_factor:confirm");
    assert!(house.who(&anna.token, 101).is_none(), "the session goes on under another token");
    let anna = house.who(&confirmed.session.token, 101).unwrap();
    assert_eq!(anna.authenticated_by, AuthenticatedBy::PasswordAndCode);
    assert!(matches!(signed_in(access, "anna@example.org", None, at(110)), Err(AccessError::CodeNeeded)));
    let again = signed_in(access, "anna@example.org", Some(&code(100)), at(110));
    assert!(matches!(again, Err(AccessError::WrongLogin)), "the code that confirmed is used up");
    let next = signed_in(access, "anna@example.org", Some(&code(140)), at(140)).unwrap();
    assert_eq!(next.caller.authenticated_by, AuthenticatedBy::PasswordAndCode);
    assert!(matches!(signed_in(access, "anna@example.org", Some(&code(140)), at(141)), Err(AccessError::WrongLogin)), "replayed");
    assert!(matches!(signed_in(access, "anna@example.org", Some("000000x"), at(171)), Err(AccessError::WrongLogin)));
    assert_eq!(house.told().2, "refused");
    // A wrong password with a right code opens nothing.
    let wrong = SignIn { login: "anna@example.org", password: "not the password", code: Some(&code(300)), address: ADDRESS };
    assert!(matches!(access.sign_in(&wrong, at(300)), Err(AccessError::WrongLogin)));
    // Codes on paper work once each, however they are typed.
    let paper = &confirmed.recovery_codes;
    assert_eq!(paper.len(), 10);
    assert!(signed_in(access, "anna@example.org", Some(&paper[0].to_lowercase().replace('-', " ")), at(400)).is_ok());
    assert!(matches!(signed_in(access, "anna@example.org", Some(&paper[0]), at(401)), Err(AccessError::WrongLogin)));
    assert!(signed_in(access, "anna@example.org", Some(&paper[1]), at(402)).is_ok());
    // Neither the secret nor a code on paper lies in the database.
    let bytes = std::fs::read(house.shop.path().join(REGISTRY_FILE)).unwrap();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(&secret) && !holds(factor.secret.as_bytes()) && !holds(paper[2].as_bytes()));
}

#[test]
fn a_second_factor_is_taken_away_by_who_may() {
    let house = House::new();
    let access = &house.access;
    let anna = house.join("anna@example.org", Role::Analyst);
    let factor = access.start_totp(&anna.caller, at(100)).unwrap();
    let secret = secret_of(&factor);
    let session = access.confirm_totp(&anna.caller, &totp::code_at(&secret, at(100)), at(100)).unwrap().session;
    // As if by a session that showed no code.
    let weak = Caller { authenticated_by: AuthenticatedBy::Password, ..session.caller.clone() };
    assert!(refused(access.stop_totp(&weak, id(&session), at(101))) && refused(access.start_totp(&weak, at(101))));
    assert!(access.list_users(&house.owner.caller).unwrap()[0].has_second_factor);
    access.stop_totp(&house.owner.caller, id(&session), at(102)).unwrap();
    assert!(house.who(&session.token, 103).is_none());
    assert!(signed_in(access, "anna@example.org", None, at(104)).is_ok());
}

#[test]
fn who_tries_too_often_has_to_wait() {
    let house = House::new();
    let attempt = |address: &str, password: &str, second: i64| {
        house.access.sign_in(&SignIn { login: "olga@example.org", password, code: None, address }, at(second))
    };
    let wrong = (0..20).take_while(|_| matches!(attempt(ADDRESS, "not the password", 10), Err(AccessError::WrongLogin))).count();
    assert_eq!(wrong, 6);
    let entries = house.entries();
    assert!(matches!(attempt(ADDRESS, PASSWORD, 10), Err(AccessError::TooMany { wait_seconds: 30 })), "the right one too");
    assert_eq!(house.entries(), entries, "who is turned away unheard fills no log");
    assert!(attempt("203.0.113.9", PASSWORD, 10).is_ok(), "elsewhere the owner of the name still comes in");
    assert!(attempt(ADDRESS, PASSWORD, 40).is_ok());
    assert!(attempt(ADDRESS, "not the password", 41).is_err());
}

#[test]
fn keys_open_their_scopes_and_no_more() {
    let house = House::new();
    let (access, olga) = (&house.access, &house.owner.caller);
    let wish = KeyWish { name: " web shop ", scopes: &[Action::EventsWrite, Action::CustomersRead], ends_at: at(30 * 24 * HOUR) };
    let key = access.make_key(olga, &wish, at(5)).unwrap();
    assert_eq!(house.told().1, "key:make");
    let caller = access.by_key(&key.bearer, at(6)).unwrap().unwrap();
    assert_eq!(caller.actor.role(), Some(Role::Service));
    for &action in Action::ALL {
        assert_eq!(access.allows(&caller, action), wish.scopes.contains(&action), "{action}");
    }
    let row = access.list_keys(olga).unwrap().remove(0);
    assert_eq!((row.name.as_str(), row.used_on.as_deref()), ("web shop", Some("2027-01-15")));
    assert_eq!(row.scopes, [Action::CustomersRead, Action::EventsWrite]);
    assert!(access.by_key(&key.bearer, at(30 * 24 * HOUR)).unwrap().is_none(), "its time is over");
    access.revoke_key(olga, &key.id, at(7)).unwrap();
    assert!(access.by_key(&key.bearer, at(8)).unwrap().is_none());
    assert!(matches!(access.revoke_key(olga, &key.id, at(9)), Err(AccessError::Unknown { .. })));
}

#[test]
fn keys_do_not_open_for_one_another() {
    let house = House::new();
    let make = |scopes: &[Action]| {
        let wish = KeyWish { name: "one", scopes, ends_at: at(HOUR) };
        house.access.make_key(&house.owner.caller, &wish, at(5)).unwrap()
    };
    let (one, other) = (make(&[Action::ReportRead]), make(&[Action::CustomersRead]));
    let secret = |key: &NewKey| key.bearer.rsplit('_').next().unwrap().to_owned();
    for probe in [
        format!("prn_{}_{}", one.id, secret(&other)),
        format!("prn_{}_{}", other.id, secret(&one)),
        format!("prn_{}_{}", one.id, "0".repeat(64)),
        format!("prn__{}", secret(&one)),
        format!("prn_{}", secret(&one)),
        format!("PRN_{}_{}", one.id, secret(&one)),
        format!("{} ", one.bearer.as_str()),
        one.bearer.to_uppercase(),
        house.owner.token.to_string(),
        String::new(),
    ] {
        assert!(house.access.by_key(&probe, at(6)).unwrap().is_none(), "{probe}");
    }
    assert!(house.who(&secret(&one), 6).is_none(), "a key's secret is no session");
    let kept: Vec<u8> =
        house.database().query_row("SELECT hash FROM access_key WHERE id = ?1", [&one.id], |row| row.get(0)).unwrap();
    let probe = format!("prn_{}_{}", one.id, crate::audit::bytes::hex(&kept));
    assert!(house.access.by_key(&probe, at(6)).unwrap().is_none(), "what is kept opens nothing");
}

#[test]
fn nobody_gives_a_key_what_they_or_services_may_not() {
    let house = House::new();
    let adam = house.join("adam@example.org", Role::Admin);
    let make = |caller: &Caller, scopes: &[Action], ends: i64| {
        house.access.make_key(caller, &KeyWish { name: "one", scopes, ends_at: at(ends) }, at(5))
    };
    assert!(not_allowed(make(&adam.caller, &[Action::IdentityRead], HOUR)));
    for scope in [Action::IdentityRead, Action::UsersManage, Action::KeysManage, Action::SelfManage, Action::AuditRead] {
        assert!(refused(make(&house.owner.caller, &[Action::ReportRead, scope], HOUR)), "{scope}");
    }
    for (scopes, ends) in [(&[][..], HOUR), (&[Action::ReportRead], 5), (&[Action::ReportRead], 5 + 367 * 24 * HOUR)] {
        assert!(refused(make(&adam.caller, scopes, ends)));
    }
    assert!(make(&adam.caller, &[Action::ReportRead], HOUR).is_ok());
    let key = make(&adam.caller, &[Action::ReportRead], HOUR).unwrap();
    let key = house.access.by_key(&key.bearer, at(6)).unwrap().unwrap();
    assert!(not_allowed(make(&key, &[Action::ReportRead], HOUR)), "a key makes no keys");
    assert!(not_allowed(house.access.start_totp(&key, at(6))));
}

#[test]
fn a_shops_policies_hold_and_bad_ones_stop_the_start() {
    let shop = tempfile::tempdir().unwrap();
    std::fs::create_dir(shop.path().join("policies")).unwrap();
    let write = |text: &str| std::fs::write(shop.path().join("policies/own.cedar"), text).unwrap();
    write("permit (principal == Perennial::Role::\"marketer\", action == Perennial::Action::\"models:read\", resource);");
    let access = Access::open(shop.path()).unwrap();
    let actor = Actor::Person { user_id: 1, name: "m".to_owned(), role: Role::Marketer };
    let caller = Caller { actor, csrf: None, session_id: None, authenticated_by: AuthenticatedBy::Password };
    assert!(access.matrix().allows(Role::Marketer, Action::ModelsRead));
    assert!(access.allows(&caller, Action::ModelsRead) && !access.allows(&caller, Action::IdentityRead));
    write("permit everything");
    let error = Access::open(shop.path()).err().unwrap();
    assert!(matches!(&error, AccessError::Policies(told) if told.contains("own.cedar, the policy in line 1")), "{error}");
}

#[test]
fn a_change_without_its_entry_does_not_happen() {
    let house = House::new();
    let anna = house.join("anna@example.org", Role::Analyst);
    // Somebody cuts the log; nothing more can be changed, for it could not be written down.
    house
        .database()
        .execute_batch("DROP TRIGGER audit_entry_is_kept; DELETE FROM audit_entry WHERE seq = (SELECT max(seq) FROM audit_entry)")
        .unwrap();
    let changed = house.access.set_role(&house.owner.caller, id(&anna), Role::Owner, at(5));
    assert!(matches!(changed, Err(AccessError::Audit(AuditError::Broken(_)))));
    assert_eq!(house.who(&anna.token, 6).unwrap().actor.role(), Some(Role::Analyst));
    assert!(signed_in(&house.access, "anna@example.org", None, at(7)).is_err());
}

#[test]
fn the_log_of_all_this_is_whole_and_names_nobody() {
    let house = House::new();
    let anna = house.join("anna@example.org", Role::Analyst);
    let read =
        Entry::done(anna.caller.actor.text(), "identity:read", house.access.audit_key().customer("C-1")).with_purpose("refund");
    house.access.audit(&read, at(5)).unwrap();
    house.access.audit(&read.with_outcome(Outcome::Refused), at(6)).unwrap();
    // Another room's change, in the room's own words.
    let made: Result<i64, AccessError> = house.access.with_audit(at(7), |transaction| {
        transaction.execute_batch("CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT")?;
        Ok((7, Entry::done("system".to_owned(), "thing:make", String::new())))
    });
    assert_eq!(made.unwrap(), 7);
    let database = house.database();
    assert!(audit::verify(&database, &house.access.audit_key().public(), &Marks::default()).unwrap().is_good);
    let mut bytes = Vec::new();
    audit::export(&database, &house.access.audit_key().public(), &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("identity:read") && !text.contains('@') && !text.contains("C-1"), "{text}");
}

#[test]
fn one_lock_is_shared_by_many_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let house = House::new();
    shared(&house.access);
    let keys: Vec<NewKey> = (0..4)
        .map(|_| {
            let wish = KeyWish { name: "k", scopes: &[Action::ReportRead], ends_at: at(HOUR) };
            house.access.make_key(&house.owner.caller, &wish, at(5)).unwrap()
        })
        .collect();
    std::thread::scope(|scope| {
        for (number, key) in keys.iter().enumerate() {
            let house = &house;
            scope.spawn(move || {
                for second in 0..200 {
                    assert!(house.access.by_key(&key.bearer, at(6 + second)).unwrap().is_some());
                    assert!(house.access.by_session(&house.owner.token, at(6 + second)).unwrap().is_some());
                    if second % 50 == 0 {
                        let entry = Entry::done(format!("key:{number}"), "report:read", String::new());
                        house.access.audit(&entry, at(second)).unwrap();
                    }
                }
            });
        }
    });
    assert!(audit::verify(&house.database(), &house.access.audit_key().public(), &Marks::default()).unwrap().is_good);
}

#[test]
fn an_old_shop_opens_and_a_second_process_too() {
    let house = House::new();
    let second = Access::open(house.shop.path()).unwrap();
    assert!(second.by_session(&house.owner.token, at(5)).unwrap().is_some());
    second.audit(&Entry::done("system".into(), "x", String::new()), at(6)).unwrap();
    house.access.audit(&Entry::done("system".into(), "y", String::new()), at(7)).unwrap();
    assert!(Path::new(&house.shop.path().join("audit.pub")).exists());
}
