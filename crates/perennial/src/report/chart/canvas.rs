//! The sheet a chart is drawn on: it writes SVG and escapes every text.

use std::fmt::Write;

/// Markup that is already safe: templates print it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(pub String);

impl std::fmt::Display for Markup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Markup {}

/// What a chart says to a reader who cannot see it. `id` is unique in the page.
#[derive(Clone, Copy, Debug)]
pub struct Caption<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub description: &'a str,
}

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Clone, Copy, Debug)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

pub struct Canvas {
    out: String,
}

/// Widest and highest sheet drawn, in user units.
pub const WIDTH: f64 = 460.0;

impl Canvas {
    pub fn new(width: f64, height: f64, caption: &Caption<'_>) -> Self {
        let (id, title, description) = (escape(caption.id), escape(caption.title), escape(caption.description));
        let mut out = String::with_capacity(4096);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>",
            number(width),
            number(height)
        );
        Self { out }
    }

    pub fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let _ = write!(
            self.out,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\"{anchor}>{}</text>",
            number(at.0),
            number(at.1),
            escape(text)
        );
    }

    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let (x1, y1, x2, y2) = (number(from.0), number(from.1), number(to.0), number(to.1));
        let _ = write!(self.out, "<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>");
    }

    /// A rectangle with softly rounded corners; `note` is what it says when pointed at, empty for none.
    pub fn rect(&mut self, class: &str, rect: Rect, note: &str) {
        let radius = rect.width.min(rect.height).min(4.0) / 2.0;
        let _ = write!(
            self.out,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"",
            number(rect.x),
            number(rect.y),
            number(rect.width.max(0.0)),
            number(rect.height.max(0.0)),
            number(radius.max(0.0))
        );
        self.close("rect", note);
    }

    pub fn circle(&mut self, class: &str, at: (f64, f64), radius: f64, note: &str) {
        let (x, y, r) = (number(at.0), number(at.1), number(radius));
        let _ = write!(self.out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"");
        self.close("circle", note);
    }

    /// A path in SVG's own words; the caller writes its numbers with [`number`].
    pub fn path(&mut self, class: &str, d: &str, note: &str) {
        let _ = write!(self.out, "<path class=\"{class}\" d=\"{d}\"");
        self.close("path", note);
    }

    fn close(&mut self, tag: &str, note: &str) {
        if note.is_empty() {
            self.out.push_str("/>");
        } else {
            let _ = write!(self.out, "><title>{}</title></{tag}>", escape(note));
        }
    }

    pub fn finish(mut self) -> Markup {
        self.out.push_str("</svg>");
        Markup(self.out)
    }
}

/// A coordinate with one decimal, no trailing zero: a tenth of a unit is below what a screen shows.
pub fn number(value: f64) -> String {
    let text = format!("{:.1}", if value.is_finite() { value } else { 0.0 });
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// `M x y L x y …` through the finite points.
pub fn polyline(points: &[(f64, f64)]) -> String {
    let mut d = String::with_capacity(points.len() * 12);
    for (x, y) in points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
        d.push(if d.is_empty() { 'M' } else { 'L' });
        d.push_str(&number(*x));
        d.push(' ');
        d.push_str(&number(*y));
    }
    d
}

/// Text as markup. Characters XML does not allow would make the whole page unreadable to strict readers, so they become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Marks that turn the direction of text could make an id read as another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() && c != '\t' && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Width of a text in user units at the charts' type size: Chinese characters are about twice as wide as Latin ones.
pub fn text_width(text: &str) -> f64 {
    text.chars().map(|c| if c as u32 >= 0x2e80 { 12.5 } else { 6.6 }).sum()
}
