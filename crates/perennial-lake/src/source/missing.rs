//! Does every table of a mapping find its columns in a file? A mistyped name would leave out a whole table.
//!
//! Assumes  a mapping names what it wants: a table that is not read is a mistake, not a wish.
//! Input    the mapping and the headers of the files.
//! Output   a refusal that names the file that comes closest, what it lacks and what stands there instead.
//! Cost     a name is compared with every column of one file.
//! Ref      Levenshtein (1966), "Binary codes capable of correcting deletions, insertions and reversals".

use super::mapping::{Mapping, TableMapping};
use super::problem::Problem;
use super::sniff::{Sniffed, listed, position};

/// Columns that a table of the mapping names and a file lacks.
pub fn columns<'a>(table: &'a TableMapping, file: &Sniffed) -> Vec<&'a str> {
    let wanted = table.columns.values().chain(&table.pseudonym).map(String::as_str);
    wanted.filter(|column| position(&file.header, &[column]).is_none()).collect()
}

/// Refuse a mapping of which a table finds its columns in no file.
pub fn check(mapping: &Mapping, files: &[Sniffed]) -> Result<(), Problem> {
    for table in &mapping.tables {
        let taken = files.iter().filter(|file| table.takes(&file.name));
        let Some((file, missing)) = taken.map(|file| (file, columns(table, file))).min_by_key(|(_, missing)| missing.len())
        else {
            let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
            return Err(Problem::refused(
                format!(
                    "the mapping reads {} from {:?}, and no given file is called so; given are {}",
                    table.table,
                    table.file.as_deref().unwrap_or("*"),
                    listed(&names)
                ),
                "give the file too, or mend `file` in the mapping",
            )
            .of_mapping());
        };
        let Some(first) = missing.first() else { continue };
        let lacks = if missing.len() > 1 { format!("{first:?} and {} more", missing.len() - 1) } else { format!("{first:?}") };
        let near = nearest(first, &file.header).map_or_else(String::new, |name| format!(", {name:?} comes nearest"));
        return Err(Problem::refused(
            format!(
                "the mapping's table {} finds its columns in no file: {} has no column {lacks}{near}; it has {}",
                table.table,
                file.name,
                listed(&file.header)
            ),
            "name the columns as the file does, or take the table out of the mapping",
        )
        .of_mapping());
    }
    Ok(())
}

/// The name that takes the fewest changes of a letter, if it is not another word altogether.
fn nearest<'a>(name: &str, header: &'a [String]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distances = header.iter().map(|column| (changes(&name, &column.trim().to_lowercase()), column.as_str()));
    let (distance, column) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 2 <= name.chars().count().max(2)).then_some(column)
}

/// How many letters have to be put in, taken out or exchanged to make one word of the other.
fn changes(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut before = std::mem::replace(&mut row[0], index + 1);
        for (at, same) in other.iter().enumerate() {
            let exchanged = before + usize::from(letter != *same);
            before = row[at + 1];
            row[at + 1] = exchanged.min(before + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let header = ["Beleg", "Preis", "Menge"].map(str::to_owned);
        assert_eq!(nearest("Preiss", &header), Some("Preis"));
        assert_eq!(nearest("belge", &header), Some("Beleg"));
        assert_eq!(nearest("customer_id", &header), None);
        assert_eq!([changes("", "abc"), changes("kitten", "sitting"), changes("a", "a")], [3, 3, 0]);
    }
}
