//! Tables as files: the newest scores, streamed from disk.

use std::io::Read;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;

use crate::access::{Action, Caller};
use crate::audit::Entry;
use crate::http::{App, HttpError, NO_SUCH_THING, Needs, Route};
use crate::pipeline::scores_as_csv;

const CHUNK_BYTES: usize = 64 << 10;
/// Chunks on their way to a slow reader.
const CHUNKS_MAX: usize = 4;

pub fn routes() -> Vec<Route> {
    vec![Route::post("/api/v1/exports/{file}", Needs::To(Action::ExportsCreate), export)]
}

/// Take the scores out
///
/// `scores.parquet` as it is, or `scores.csv` with cells escaped that a spreadsheet would take for formulas. Every export is in the audit log.
#[utoipa::path(post, path = "/api/v1/exports/{file}", tag = "exports",
    params(("file" = String, Path, description = "scores.parquet or scores.csv", example = "scores.csv")),
    responses((status = 200, description = "The file, as a stream"),
    (status = 404, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn export(State(app): State<Arc<App>>, caller: Caller, Path(file): Path<String>) -> Result<Response, HttpError> {
    let kind = match file.as_str() {
        "scores.parquet" => "application/vnd.apache.parquet",
        "scores.csv" => "text/csv; charset=utf-8",
        _ => return Err(HttpError::new(NO_SUCH_THING, format!("no export {file:?}; there are scores.parquet and scores.csv"))),
    };
    let path = app.shop.dir.join("scores.parquet");
    if !path.exists() {
        return Err(HttpError::new(NO_SUCH_THING, "nothing has been scored yet; `perennial score` or a job does"));
    }
    let entry = Entry::done(caller.actor.text(), "exports:create", format!("file:{file}"));
    app.work(move |app| app.access.audit(&entry, jiff::Timestamp::now()).map_err(HttpError::failed)).await?;
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    let as_csv = file == "scores.csv";
    tokio::task::spawn_blocking(move || {
        let out = Out { sender, held: Vec::with_capacity(CHUNK_BYTES) };
        // Who went away has no use for the rest.
        let _ = if as_csv { scores_as_csv(&path, out) } else { copy(&path, out) };
    });
    let stream = futures::stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|chunk| (chunk, receiver)));
    let named = format!("attachment; filename=\"{file}\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&named).map_err(HttpError::failed)?),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

fn copy(path: &std::path::Path, mut out: Out) -> anyhow::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(std::io::Write::flush(&mut out)?);
        }
        std::io::Write::write_all(&mut out, &chunk[..read])?;
    }
}

/// Writes into an answer that is on its way, and waits for its reader.
pub struct Out {
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    held: Vec<u8>,
}

impl std::io::Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.held, Vec::with_capacity(CHUNK_BYTES));
        self.sender.blocking_send(Ok(Bytes::from(chunk))).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}
