//! `perennial serve`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{Context, Exit, complain};
use crate::access::Access;
use crate::http::{self, App, Limits, Parts};
use crate::live::{Inbox, Moved, Mover, Setup};
use crate::shop::Shop;

/// Serve the pages and the API of a shop: one process, no other service.
///
/// The first start prints a link that makes the shop's owner, once. Stop it with Ctrl-C or SIGTERM: requests at work are finished first.
///
/// Example: perennial serve --shop shop
#[derive(clap::Args, Debug)]
pub struct Serve {
    /// Address and port to listen on, instead of the setting serve.listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Make an API key with these scopes (comma-separated), print it, and stop.
    #[arg(long, value_name = "SCOPES", value_delimiter = ',')]
    make_key: Vec<String>,
}

impl Serve {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let shop = Arc::new(Shop::open(context)?);
        let access = Access::open(&shop.dir)?;
        if !self.make_key.is_empty() {
            return self.key(context, &access);
        }
        let settings = shop.settings.serve.clone();
        let listen = self.listen.clone().unwrap_or_else(|| settings.listen.clone());
        let tls = http::acceptor(&shop.dir, (&settings.tls_cert, &settings.tls_key))?;
        is_private(&listen, tls.is_some() || settings.behind_proxy)?;
        let inbox = Arc::new(Inbox::open(&shop.dir.join("inbox"), shop.lake.clone(), Setup::default())?);
        let first = access.first_owner_link(jiff::Timestamp::now())?;
        let app = App::new(Parts { shop: shop.clone(), access, inbox: inbox.clone(), is_tls: tls.is_some() });
        app.answers.look_up_newest(&shop)?;
        let limits = Limits {
            connections_max: settings.connections_max as usize,
            connections_per_address_max: settings.connections_per_address_max as usize,
            header_timeout: Duration::from_secs(settings.header_seconds_max.into()),
            idle_timeout: Duration::from_secs(settings.idle_seconds_max.into()),
            stop_timeout: Duration::from_secs(settings.stop_seconds_max.into()),
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let moving = Moving::start(inbox, Duration::from_secs(settings.move_seconds.max(1).into()))?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the server's threads")?;
        runtime.block_on(http::serve(app, &listen, (limits, tls), |address| {
            complain(&format!("listening on {scheme}://{address}"));
            if let Some(token) = &first {
                let token = token.as_str();
                complain(&format!(
                    "no owner yet; make one here, once, within 24 hours: {scheme}://{address}/welcome?token={token}"
                ));
            }
        }))?;
        runtime.shutdown_timeout(Duration::from_secs(5));
        moving.stop();
        Ok(Exit::Done)
    }

    fn key(&self, context: &Context, access: &Access) -> Result<Exit> {
        let scopes = self.make_key.iter().map(|text| {
            let allowed = || crate::access::Action::ALL.iter().map(|action| action.name()).collect::<Vec<_>>().join(", ");
            let unknown = || super::UsageError(format!("no scope {text:?}; there are {}", allowed()));
            crate::access::Action::find(text.trim()).ok_or_else(unknown)
        });
        let scopes: Vec<_> = scopes.collect::<Result<_, _>>()?;
        let now = jiff::Timestamp::now();
        let ends_at = now + jiff::SignedDuration::from_hours(24 * 90);
        let wish = crate::access::KeyWish { name: "made at the command line", scopes: &scopes, ends_at };
        let made = access.make_key(&crate::access::Caller::operator(), &wish, now)?;
        let shown = serde_json::json!({ "id": made.id, "key": made.bearer.as_str() });
        context.print(&shown, || made.bearer.as_str().to_owned())?;
        Ok(Exit::Done)
    }
}

/// Passwords and customers' data never leave this machine in clear.
fn is_private(listen: &str, is_secure: bool) -> Result<()> {
    if listen.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
        return Err(
            super::UsageError(format!("listen is {listen:?}, allowed is ADDRESS:PORT, for example 127.0.0.1:8787")).into()
        );
    }
    let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host).trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if !is_loopback && !is_secure {
        bail!(
            "{listen} is open to other machines, and there is no TLS: set serve.tls_cert and serve.tls_key, or serve.behind_proxy where a proxy speaks it, or listen on 127.0.0.1"
        );
    }
    Ok(())
}

/// Brings what was taken in into the lake, again and again, until it is told to stop.
struct Moving {
    stop: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Moving {
    fn start(inbox: Arc<Inbox>, every: Duration) -> Result<Self> {
        let (stop, stopping) = std::sync::mpsc::channel();
        let mover = move || {
            let mover = Mover::new(inbox);
            while stopping.recv_timeout(every) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                match mover.step() {
                    Ok(Moved::Nothing | Moved::Rows { .. } | Moved::Busy { .. }) => {}
                    // What waits stays on disk and in the answers; the next step tries again.
                    Err(error) => complain(&format!("cannot move live rows to the lake: {error}")),
                }
            }
        };
        let thread =
            std::thread::Builder::new().name("perennial-mover".to_owned()).spawn(mover).context("cannot start the mover")?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}
