//! Files whose columns are the canonical ones, or are mapped to them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use perennial_contract::Entity;
use perennial_contract::money::{Decimal, minor_digits};
use perennial_contract::source::IdentityKind;

use super::ReadOptions;
use super::book::{Book, Order};
use super::cell::{QUANTITY_MAX, whole};
use super::complete::{complete, default};
use super::drive::Reader;
use super::event_names::canonical;
use super::identity::{Pseudonyms, birth_year, may_identify, scrub};
use super::layout::{canonical_plan, mapped_plan};
use super::mapping::{Mapping, TableMapping};
use super::moment::Clock;
use super::names::Names;
use super::plan::{Plan, at};
use super::problem::{Bad, Problem};
use super::record::Record;
use super::rows::Value;
use super::sale::TOO_LARGE;
use super::sink::Sink;
use super::sniff::{Sniffed, listed};
use super::status::CANCELLED;

const ITEM: Entity = Entity::OrderItems;
const ORDER_ID: usize = at(ITEM, "order_id");
const OWNER: usize = at(ITEM, "customer_id");
const LINE_NO: usize = at(ITEM, "line_no");
const ORDERED_AT: usize = at(ITEM, "ordered_at");
const ORDERED_ON: usize = at(ITEM, "ordered_on");
const KIND: usize = at(ITEM, "kind");
const QUANTITY: usize = at(ITEM, "quantity");
const PRICE: usize = at(ITEM, "unit_price_cents");
const DISCOUNT: usize = at(ITEM, "discount_cents");
const TOTAL: usize = at(ITEM, "total_cents");
const GIVEN_BACK: usize = at(Entity::Returns, "amount_cents");
const ORDER_GIVEN_BACK: usize = at(Entity::Returns, "order_id");
const NAME: usize = at(Entity::Events, "name");
const BIRTH_YEAR: usize = at(Entity::Customers, "birth_year");
/// More than any canonical table has.
const COLUMNS_MAX: usize = 20;

/// What names the columns.
enum Naming {
    /// The canonical names, one table a file, called after it.
    Canonical,
    Mapped(Mapping),
}

pub struct Mapped {
    naming: Naming,
    currency: Arc<str>,
    digits: u32,
    clock: Clock,
    pseudonyms: Option<Pseudonyms>,
    /// What is done with the current file.
    plans_in_file: usize,
    plans: Vec<Plan>,
    private: Vec<usize>,
    stem: String,
    /// Orders that lines of another file, or lines without an order of their own, refer to.
    book: Book,
    keeps_orders: bool,
    derives_orders: bool,
    /// Orders that are no sales: their lines are worth nothing.
    cancelled: Names,
    /// Keys already written, for tables that share a file with another.
    seen: BTreeMap<Entity, Names>,
}

impl Mapped {
    /// Canonical tables. Orders come first in `files` where lines need what stands in them.
    pub fn canonical(files: &mut [Sniffed], options: &ReadOptions) -> Result<Self, Problem> {
        let rank = |file: &Sniffed| Entity::from_name(&file.stem);
        files.sort_by(|a, b| (rank(a), &a.name).cmp(&(rank(b), &b.name)));
        let needs_orders = |file: &Sniffed| rank(file) == Some(ITEM) && !file.has(&["customer_id", "ordered_at", "line_no"]);
        let keeps_orders = files.iter().any(needs_orders);
        let mut reader = Self::new(Naming::Canonical, options)?;
        reader.keeps_orders = keeps_orders;
        Ok(reader)
    }

    /// Lines may leave to the orders read before them what is said there.
    pub fn keeping_orders(self) -> Self {
        Self { keeps_orders: true, ..self }
    }

    /// Tables as a mapping names them.
    pub fn by_mapping(mapping: &Mapping, files: &mut [Sniffed], options: &ReadOptions) -> Result<Self, Problem> {
        if mapping.tables.is_empty() {
            return Err(Problem::refused("the mapping fills no table", "add a [[table]] with its columns").of_mapping());
        }
        super::missing::check(mapping, files)?;
        let fills = |file: &Sniffed, entity: Entity| {
            mapping.tables.iter().any(|t| t.takes(&file.name) && t.entity().is_ok_and(|e| e == entity) && covers(t, file))
        };
        // Orders before their lines.
        files.sort_by_key(|file| !fills(file, Entity::Orders));
        let has_orders = files.iter().any(|file| fills(file, Entity::Orders));
        let mut reader = Self::new(Naming::Mapped(mapping.clone()), options)?;
        reader.keeps_orders = true;
        reader.derives_orders = !has_orders;
        if mapping.tables.iter().any(|table| table.pseudonym.is_some()) {
            reader.pseudonyms = Some(Pseudonyms::new(options.pseudonym_key.as_ref())?);
        }
        Ok(reader)
    }

    fn new(naming: Naming, options: &ReadOptions) -> Result<Self, Problem> {
        Ok(Self {
            naming,
            currency: Arc::from(options.currency.as_str()),
            digits: minor_digits(&options.currency),
            clock: Clock::new(&options.zone)?,
            pseudonyms: None,
            plans_in_file: 0,
            plans: Vec::new(),
            private: Vec::new(),
            stem: String::new(),
            book: Book::default(),
            keeps_orders: false,
            derives_orders: false,
            cancelled: Names::default(),
            seen: BTreeMap::new(),
        })
    }

    /// Whether a line or a return belongs to an order that is no sale.
    fn is_cancelled(&self, plan: &Plan, record: &Record<'_>) -> bool {
        let order = match plan.entity {
            ITEM if plan.text(KIND, record) == CANCELLED => return true,
            ITEM => plan.text(ORDER_ID, record),
            Entity::Returns => plan.text(ORDER_GIVEN_BACK, record),
            _ => return false,
        };
        self.cancelled.len() > 0 && self.cancelled.find(order).is_some()
    }

    /// Whether a row has no customer to tell of: where it fills other tables too, it is a guest's and none of `customers`.
    fn is_guest(plan: &Plan, record: &Record<'_>) -> bool {
        let is_empty = |column: usize| plan.text(column, record).is_empty();
        plan.entity == Entity::Customers
            && plan.known.customer.is_none_or(is_empty)
            && plan.pseudonym.is_none_or(|cell| record.cell(cell).is_empty())
    }

    /// What a line says was earned or given back, taken down before the row is judged.
    fn state(&self, plan: &Plan, record: &Record<'_>, out: &mut Sink) -> Option<Decimal> {
        let amount = |column| plan.amount(column, record, self.digits);
        let currency = plan.known.currency.map_or("", |column| plan.text(column, record));
        if !currency.is_empty() && !currency.eq_ignore_ascii_case(&self.currency) {
            // Another currency's amounts do not add up with these.
            return None;
        }
        let exact = match plan.entity {
            Entity::OrderItems => amount(TOTAL).or_else(|| {
                let quantity =
                    whole(plan.text(QUANTITY, record), plan.style.mark).filter(|quantity| *quantity <= QUANTITY_MAX)?;
                let discount = amount(DISCOUNT).unwrap_or(Decimal::ZERO);
                let gross = amount(PRICE)?.times(quantity)?;
                gross.plus(Decimal { units: -discount.units, ..discount })
            }),
            Entity::Returns => amount(GIVEN_BACK).map(|a| Decimal { units: -a.units, ..a }),
            _ => None,
        }?;
        out.state(exact);
        Some(exact)
    }

    /// A table's time may be given as a day only: then it is the day's beginning.
    fn default_time(&mut self, plan: &Plan, values: &mut [Value<'_>]) -> Result<(), Bad> {
        let Some(column) = plan.known.time else { return Ok(()) };
        if let (Value::Null, Some(Value::Day(day))) = (&values[column], values.get(column + 1)) {
            values[column] = Value::Instant(self.clock.midnight(*day).map_err(|reason| plan.bad(column + 1, reason))?);
        }
        Ok(())
    }
}

impl Reader for Mapped {
    fn start(&mut self, file: &Sniffed, header: &[String]) -> Result<(), Problem> {
        self.stem.clone_from(&file.stem);
        self.plans = match &self.naming {
            Naming::Canonical => vec![canonical_plan(file, header)?],
            Naming::Mapped(mapping) => {
                let plans: Result<Vec<_>, Problem> = mapping
                    .tables
                    .iter()
                    .filter(|t| t.takes(&file.name) && (t.file.is_some() || covers(t, file)))
                    .map(|table| mapped_plan(table, header, mapping.style(table)?))
                    .collect();
                plans.map_err(Problem::of_mapping)?
            }
        };
        // Lines with money come last: when they are judged, whatever else the record fills is already good.
        self.plans.sort_by_key(|plan| (matches!(plan.entity, ITEM | Entity::Returns), plan.entity));
        if self.plans.is_empty() {
            return Err(Problem::refused(
                format!("no table of the mapping finds its columns in it; it has {}", listed(header)),
                "name the columns as the file does, or leave the file out",
            )
            .of_mapping());
        }
        self.private.clear();
        for plan in &self.plans {
            self.private.extend(plan.identities.iter().map(|(_, cell)| *cell).chain(plan.pseudonym));
        }
        self.plans_in_file = self.plans.len();
        let checked = self.plans.iter().try_for_each(|plan| {
            self.check_plan(plan)?;
            check_names(plan, header)?;
            check_ids(plan, file, header)
        });
        match self.naming {
            Naming::Canonical => checked,
            Naming::Mapped(_) => checked.map_err(Problem::of_mapping),
        }
    }

    fn row(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        // The plans are lent out for the row, because its values borrow from them while the book is written.
        let plans = std::mem::take(&mut self.plans);
        let mut wanted = plans.iter().filter(|plan| !Self::is_guest(plan, record) || plans.len() < 2);
        let result = wanted.try_for_each(|plan| self.one(plan, record, out));
        self.plans = plans;
        result
    }

    fn finish(&mut self, out: &mut Sink) -> Result<bool, Problem> {
        Ok(self.derives_orders && self.book.emit(&self.currency, Value::Null, out))
    }

    fn held_bytes(&self) -> usize {
        self.book.bytes() + self.cancelled.bytes() + self.seen.values().map(Names::bytes).sum::<usize>()
    }

    fn entity(&self) -> Entity {
        // A row that belongs to several tables is one of the lines that come last.
        self.plans.last().map_or(Entity::Orders, |plan| plan.entity)
    }

    fn private(&self) -> &[usize] {
        &self.private
    }
}

impl Mapped {
    /// Columns a table cannot do without, as far as a header tells.
    fn check_plan(&self, plan: &Plan) -> Result<(), Problem> {
        let entity = plan.entity;
        let sums = match entity {
            Entity::Orders => Some(["subtotal_cents", "total_cents"]),
            ITEM => Some(["unit_price_cents", "total_cents"]),
            _ => None,
        };
        let stands = |name: &&str| entity.columns().iter().position(|c| c.name == *name).is_some_and(|index| plan.has(index));
        if let Some([one, other]) = sums.filter(|names| !names.iter().any(stands)) {
            return Err(Problem::refused(
                format!("has no column for {entity}.{one} nor for {entity}.{other}"),
                "add one of them: the other follows from it",
            ));
        }
        for (index, column) in entity.columns().iter().enumerate() {
            let made = match (entity, column.name) {
                (_, "currency") => true,
                (Entity::OrderItems, "ordered_at") => self.keeps_orders && !self.derives_orders,
                (Entity::OrderItems, "line_no") => self.keeps_orders,
                (Entity::OrderItems, "kind" | "unit_price_cents" | "discount_cents" | "total_cents") => true,
                (Entity::Orders, "status") => true,
                (Entity::Orders, name) if name.ends_with("_cents") => true,
                (Entity::Returns, "quantity") | (Entity::Touches, "holdout") => true,
                (_, "customer_id") => plan.pseudonym.is_some(),
                (_, name) => name.ends_with("_on") || entity.key() == [name] && generates_key(entity),
            };
            let by_day = column.name.ends_with("_at") && plan.has(index + 1);
            if !column.nullable && !plan.has(index) && !made && !by_day {
                return Err(Problem::refused(
                    format!("has no column for {}.{}", entity, column.name),
                    match self.naming {
                        Naming::Canonical => "add the column, or import order_items together with its orders",
                        Naming::Mapped(_) => "map one to it, or give a constant",
                    },
                ));
            }
        }
        Ok(())
    }

    /// The row of one table. Whatever can fail comes before the sink is touched.
    fn one(&mut self, plan: &Plan, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let entity = plan.entity;
        let is_cancelled = self.is_cancelled(plan, record);
        let stated = if is_cancelled { None } else { self.state(plan, record, out) };
        let (mut customer, mut json) = (String::new(), String::new());
        let (key, currency) = (format_key(plan, &self.stem, record.row), Arc::clone(&self.currency));
        let (mut from_json, mut event) = (Vec::new(), String::new());
        let mut values = [const { Value::Null }; COLUMNS_MAX];
        let values = &mut values[..entity.columns().len()];
        plan.fill(record, &mut self.clock, self.digits, values)?;
        self.default_time(plan, values)?;
        if entity == ITEM {
            self.look_up_order(plan, record, values, &mut customer)?;
        }
        if is_cancelled && entity == ITEM {
            values[KIND] = Value::Text(CANCELLED);
        }
        default_birth_year(plan, record, values);
        complete(plan, values)?;
        if is_cancelled && entity == Entity::Returns {
            // Nothing was earned, so nothing is given back.
            values[GIVEN_BACK] = Value::Whole(0);
        }
        if let (Some(cell), Some(pseudonyms)) = (plan.pseudonym, &self.pseudonyms)
            && !record.cell(cell).is_empty()
        {
            customer = pseudonyms.of(record.cell(cell));
        }
        if let Some(column) = generated_key(plan) {
            values[column] = Value::Text(&key);
        }
        check_currency(plan, &currency, values)?;
        let (customer_column, json_column) = (plan.known.customer, plan.known.json);
        if let Some(column) = customer_column.filter(|_| !customer.is_empty()) {
            values[column] = Value::Text(&customer);
        }
        rename_event(plan, values, &mut event);
        let cells_masked = scrub_json(plan, values, &mut json, &mut from_json);
        if let Some(column) = json_column.filter(|_| !json.is_empty()) {
            values[column] = Value::Text(&json);
        }
        for (column, (value, of)) in values.iter().zip(entity.columns()).enumerate() {
            if !of.nullable && *value == Value::Null {
                return Err(plan.bad(column, format!("{} is missing", of.name)));
            }
        }
        if self.seen_before(entity, values) {
            return Ok(());
        }
        if let Some(exact) = stated {
            let cents = out.load(exact).ok_or_else(|| Bad::row(entity, TOO_LARGE))?;
            if entity == ITEM {
                values[TOTAL] = Value::Whole(cents);
            }
        }
        out.cells_masked += cells_masked;
        self.note_order(entity, values);
        if let Some(Value::Text(id)) = customer_column.map(|column| &values[column]) {
            for &(kind, cell) in &plan.identities {
                out.identity(id, kind, record.cell(cell));
            }
            for (kind, value) in &from_json {
                out.identity(id, *kind, value);
            }
        }
        out.push(entity, values);
        Ok(())
    }

    /// What a line leaves out and its order says: whose it is, when it was, which line it is.
    fn look_up_order(
        &mut self,
        plan: &Plan,
        record: &Record<'_>,
        values: &mut [Value<'_>],
        customer: &mut String,
    ) -> Result<(), Bad> {
        if !self.keeps_orders {
            return Ok(());
        }
        let id = plan.text(ORDER_ID, record);
        if id.is_empty() {
            return Err(plan.bad(ORDER_ID, "order_id is missing"));
        }
        let time = (&values[ORDERED_AT], &values[ORDERED_ON]);
        let written = match time {
            (Value::Instant(instant), Value::Day(day)) => Some((*instant, *day)),
            _ => None,
        };
        let order = match written {
            Some(time) => {
                let owner = self.book.customer(plan.text(OWNER, record));
                // An order made of its lines has no status, and is none, until one of them turns out good.
                let status = if self.derives_orders { "" } else { "completed" };
                self.book.order(id, || Order::new(owner, time, status))
            }
            None => self.book.find(id).ok_or_else(|| plan.bad(ORDER_ID, "belongs to no order of this import"))?,
        };
        order.lines += 1;
        let (lines, time, owner) = (order.lines, (order.at, order.on), order.customer);
        default(&mut values[LINE_NO], Value::Whole(i64::from(lines)));
        default(&mut values[ORDERED_AT], Value::Instant(time.0));
        default(&mut values[ORDERED_ON], Value::Day(time.1));
        if values[OWNER] == Value::Null {
            self.book.customer_id(owner).clone_into(customer);
        }
        Ok(())
    }

    /// Keep what lines will ask for: an order's owner and time, or a line's part in an order that has no row of its own.
    fn note_order(&mut self, entity: Entity, values: &[Value<'_>]) {
        const ORDER: Entity = Entity::Orders;
        const AT: usize = at(ORDER, "ordered_at");
        const ON: usize = at(ORDER, "ordered_on");
        const ID: usize = at(ORDER, "order_id");
        const WHOSE: usize = at(ORDER, "customer_id");
        const STATUS: usize = at(ORDER, "status");
        let text = |column: usize| if let Value::Text(text) = &values[column] { *text } else { "" };
        if entity == ORDER && text(STATUS) == CANCELLED {
            self.cancelled.number(text(ID));
        }
        if !self.keeps_orders {
            return;
        }
        if entity == ORDER {
            let (Value::Instant(instant), Value::Day(day)) = (&values[AT], &values[ON]) else {
                return;
            };
            let owner = self.book.customer(text(WHOSE));
            self.book.order(text(ID), || Order::new(owner, (*instant, *day), "completed"));
        } else if entity == ITEM && self.derives_orders {
            let owner = self.book.customer(text(OWNER));
            let whole = |column: usize| if let Value::Whole(number) = values[column] { number } else { 0 };
            let (total, discount) = (whole(TOTAL), whole(DISCOUNT));
            if let Some(order) = self.book.find(text(ORDER_ID)) {
                order.customer = order.customer.or(owner);
                // An order is cancelled when all of its lines are.
                if text(KIND) != CANCELLED {
                    order.status = "completed";
                } else if order.status.is_empty() {
                    order.status = CANCELLED;
                }
                order.subtotal = order.subtotal.saturating_add(total).saturating_add(discount);
                order.discount = order.discount.saturating_add(discount);
            }
        }
    }

    /// Whether a table that shares its file with another has this key already: the first row stands.
    fn seen_before(&mut self, entity: Entity, values: &[Value<'_>]) -> bool {
        let [key] = entity.key() else { return false };
        if self.plans_in_file < 2 {
            return false;
        }
        let column = entity.columns().iter().position(|c| c.name == *key);
        let Some(Value::Text(key)) = column.map(|column| &values[column]) else { return false };
        !self.seen.entry(entity).or_default().number(key).1
    }
}

/// Of two columns of one name nobody can say which is meant.
fn check_names(plan: &Plan, header: &[String]) -> Result<(), Problem> {
    let named = |name: &str| header.iter().filter(|other| other.trim().eq_ignore_ascii_case(name.trim())).count();
    let cells = (0..plan.from.len()).filter_map(|column| plan.cell(column)).chain(plan.identities.iter().map(|(_, cell)| *cell));
    match cells.filter_map(|cell| header.get(cell)).find(|name| named(name) > 1) {
        Some(name) => Err(Problem::refused(format!("has two columns {name:?}"), "rename one of them, or leave it out")),
        None => Ok(()),
    }
}

/// A list or bytes are no id, whatever their text.
fn check_ids(plan: &Plan, file: &Sniffed, header: &[String]) -> Result<(), Problem> {
    for (index, column) in plan.entity.columns().iter().enumerate().filter(|(_, column)| column.name.ends_with("_id")) {
        let Some(name) = plan.cell(index).and_then(|cell| header.get(cell)) else { continue };
        if let Some((_, kind)) = file.nested.iter().find(|(nested, _)| nested == name) {
            return Err(Problem::refused(
                format!("its column {name:?} holds values of type {kind}, and {}.{} is an id", plan.entity, column.name),
                "write the ids as text or whole numbers",
            ));
        }
    }
    Ok(())
}

/// Tables of happenings need no key of their own: file and row make one.
fn generates_key(entity: Entity) -> bool {
    matches!(
        entity,
        Entity::Returns
            | Entity::Events
            | Entity::Reviews
            | Entity::Surveys
            | Entity::Tickets
            | Entity::Messages
            | Entity::Touches
    )
}

fn generated_key(plan: &Plan) -> Option<usize> {
    let column = plan.known.key?;
    (generates_key(plan.entity) && !plan.has(column)).then_some(column)
}

/// An event goes by one name, whatever its tracker calls it; the name is kept in `renamed` where it is another.
fn rename_event<'a>(plan: &Plan, values: &mut [Value<'a>], renamed: &'a mut String) {
    if plan.entity != Entity::Events {
        return;
    }
    let Value::Text(name) = values[NAME] else { return };
    values[NAME] = match canonical(name) {
        Cow::Borrowed(same) => Value::Text(same),
        Cow::Owned(other) => {
            *renamed = other;
            Value::Text(renamed)
        }
    };
}

/// Of a birth date the year stays.
fn default_birth_year(plan: &Plan, record: &Record<'_>, values: &mut [Value<'_>]) {
    if plan.entity == Entity::Customers
        && let Some(&(_, cell)) = plan.identities.iter().find(|(kind, _)| *kind == IdentityKind::BirthDate)
    {
        let year = birth_year(record.cell(cell)).map_or(Value::Null, Value::Whole);
        default(&mut values[BIRTH_YEAR], year);
    }
}

/// The shop's currency, where none is given.
fn check_currency<'a>(plan: &Plan, currency: &'a str, values: &mut [Value<'a>]) -> Result<(), Bad> {
    let Some(column) = plan.known.currency else { return Ok(()) };
    match values[column] {
        Value::Text(given) if !given.eq_ignore_ascii_case(currency) => {
            Err(plan.bad(column, "is another currency than the shop's"))
        }
        _ => {
            values[column] = Value::Text(currency);
            Ok(())
        }
    }
}

/// A key made of file and row, where the table needs one and the file has none.
fn format_key(plan: &Plan, stem: &str, row: u64) -> String {
    generated_key(plan).map_or_else(String::new, |_| format!("{stem}:{row}"))
}

/// Take direct identifiers out of a row's JSON column, if it may hold any; how many cells that were.
fn scrub_json(plan: &Plan, values: &[Value<'_>], json: &mut String, found: &mut Vec<(IdentityKind, String)>) -> u64 {
    let Some(Value::Text(text)) = plan.known.json.map(|column| &values[column]) else { return 0 };
    if !may_identify(text) {
        return 0;
    }
    let Ok(mut object) = serde_json::from_str(text) else { return 0 };
    let cells = scrub(&mut object, &mut |kind, value| found.push((kind, value.to_owned())));
    *json = serde_json::Value::Object(object).to_string();
    cells
}

/// Whether a file has a column for everything a table of the mapping names.
fn covers(table: &TableMapping, file: &Sniffed) -> bool {
    super::missing::columns(table, file).is_empty()
}
