//! The server: one process on the shop's folder, answering the API and the pages.
//!
//! `listen` (connections) → `answer` (what every answer has) → `route` and `guard` (who may) → a handler in [`crate::api`] or
//! [`crate::page`] → `pipeline`. Handlers read top to bottom; what blocks runs on its own threads.

mod answer;
mod answers;
mod guard;
mod listen;
mod metrics;
mod problem;
mod rates;
mod route;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::middleware::from_fn_with_state;
use perennial_contract::estimator::Task;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

pub use self::answers::{Answers, Ready};
pub use self::guard::{BODY_TIMEOUT, COOKIE_PLAIN, COOKIE_TLS, Peer, session_token};
pub use self::listen::Limits;
pub use self::metrics::{Gauge, Metrics};
pub use self::problem::{
    BAD_REQUEST, BAD_VALUE, CONFLICT, FORGED, HttpError, KINDS, NO_SUCH_PAGE, NO_SUCH_THING, NOT_ALLOWED, NOT_READY,
    NOT_SIGNED_IN, Problem, TOO_MANY, WRONG_METHOD, WRONG_TYPE,
};
pub use self::rates::Rates;
pub use self::route::{BATCH, Needs, Route};
pub use self::tls::acceptor;
use crate::access::Access;
use crate::api::{Book, Shelf};
use crate::live::Inbox;
use crate::pipeline::group_words;
use crate::report::GroupWords;
use crate::shop::Shop;

/// Requests that may wait for a thread for each one that has it.
const WAITING_PER_THREAD: usize = 64;

/// What handlers share.
pub struct App {
    pub shop: Arc<Shop>,
    pub access: Access,
    pub inbox: Arc<Inbox>,
    pub answers: Answers,
    shelf: Shelf,
    pub metrics: Arc<Metrics>,
    pub rates: Rates,
    /// Bytes that all bodies being read may hold together.
    pub body_room: Arc<Semaphore>,
    pub body_timeout: Duration,
    /// Whether addresses come from `X-Forwarded-For`, and the proxy speaks TLS for us.
    pub behind_proxy: bool,
    pub is_tls: bool,
    pub logs_requests: bool,
    work: Semaphore,
    threads: usize,
    waiting: AtomicUsize,
}

/// What an app is made of, beside the shop.
pub struct Parts {
    pub shop: Arc<Shop>,
    pub access: Access,
    pub inbox: Arc<Inbox>,
    pub is_tls: bool,
}

impl App {
    /// The app of a shop, as its settings say.
    #[must_use]
    pub fn new(Parts { shop, access, inbox, is_tls }: Parts) -> Arc<Self> {
        let serve = &shop.settings.serve;
        let threads = shop.threads();
        Arc::new(Self {
            answers: Answers::default(),
            shelf: Shelf::default(),
            metrics: Arc::default(),
            rates: Rates::new(serve.requests_per_second_max),
            body_room: Arc::new(Semaphore::new((serve.body_mb_max as usize) << 20)),
            body_timeout: BODY_TIMEOUT,
            behind_proxy: serve.behind_proxy,
            is_tls,
            logs_requests: serve.log_requests,
            work: Semaphore::new(threads),
            threads,
            waiting: AtomicUsize::new(0),
            shop,
            access,
            inbox,
        })
    }

    /// The newest score file.
    pub fn book(&self) -> Result<Arc<Book>, HttpError> {
        let none = || {
            HttpError::new(
                NOT_READY,
                "nothing has been scored yet; `perennial run` or `perennial score --out scores.parquet` does",
            )
        };
        self.book_if_any()?.ok_or_else(none)
    }

    /// The newest score file, where there is one.
    pub fn book_if_any(&self) -> Result<Option<Arc<Book>>, HttpError> {
        Ok(self.shelf.book(&self.shop.dir.join("scores.parquet"))?)
    }

    /// What the groups are called that the answering model found by itself.
    pub fn group_words(&self) -> Result<BTreeMap<String, GroupWords>, HttpError> {
        let at = self.shop.lake.snapshot().map_err(anyhow::Error::from)?;
        let ready = self.answers.ready(&self.shop, &at)?;
        let champion = ready.champions.get(&Task::Segment);
        Ok(champion.map_or_else(|| Ok(BTreeMap::new()), |champion| group_words(champion.model.as_ref()))?)
    }

    /// Whether browsers reach us by TLS, here or at the proxy.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.is_tls || self.behind_proxy
    }

    /// Do work that blocks on a thread of its own, as many at once as the machine has threads. Where too many wait already the
    /// answer is that the server is busy, at once.
    pub async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, HttpError> + Send + 'static,
    ) -> Result<T, HttpError> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.threads * WAITING_PER_THREAD {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(HttpError::busy(1));
        }
        let seat = self.work.acquire().await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let _seat = seat.map_err(HttpError::failed)?;
        let app = self.clone();
        tokio::task::spawn_blocking(move || work(&app)).await.map_err(HttpError::failed)?
    }
}

/// Every route of the API and the pages.
#[must_use]
pub fn routes() -> Vec<Route> {
    crate::api::routes().into_iter().chain(crate::page::routes()).collect()
}

/// All routes behind their guards, and the layer around them.
pub fn router(app: &Arc<App>) -> Router {
    let mounted = routes().into_iter().fold(Router::new(), |router, route| route.mount(router, app));
    let nothing_here = async || HttpError::new(NO_SUCH_PAGE, "see /api/docs for the addresses there are");
    let wrong_method = async || HttpError::new(WRONG_METHOD, "see /api/docs for the methods of this address");
    let mounted = mounted.fallback(nothing_here).method_not_allowed_fallback(wrong_method);
    let mounted = mounted.layer(from_fn_with_state(app.clone(), crate::page::for_people));
    mounted.layer(from_fn_with_state(app.clone(), answer::finish)).with_state(app.clone())
}

/// Serve until a signal says to stop. `ready` hears the address that is listened on.
pub async fn serve(
    app: Arc<App>,
    listen: &str,
    (limits, tls): (Limits, Option<TlsAcceptor>),
    ready: impl FnOnce(SocketAddr),
) -> Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!(
            "cannot listen on {listen}; another program may hold the port: choose one with --listen or the setting serve.listen"
        )
    })?;
    ready(listener.local_addr()?);
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        told_to_stop().await;
        let _ = stop.send(true);
    });
    let door = listen::Door { router: router(&app), limits, tls, metrics: app.metrics.clone() };
    listen::serve(listener, door, stopping).await;
    Ok(())
}

async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        // Without signals only a kill ends the server, which loses nothing either.
        return std::future::pending().await;
    };
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
}
