//! Connections: accepted up to a cap, each held to its timeouts, all let finish when the server stops.
//!
//! `axum::serve` has no timeout for headers, so the loop is our own: a peer that sends its headers slowly, says nothing between requests or
//! does not read its answer is cut off, and costs a task and a small buffer until then.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::metrics::Metrics;

/// What a peer may take of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections_max: usize,
    pub connections_per_address_max: usize,
    /// From the first byte that is waited for to the end of the headers; also how long a kept connection may be silent.
    pub header_timeout: Duration,
    /// How long a read or a write of a connection may make no progress.
    pub idle_timeout: Duration,
    /// How long requests at work may take to finish once the server is told to stop.
    pub stop_timeout: Duration,
}

/// Largest request head.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// What connections are served with.
pub struct Door {
    pub router: Router,
    pub limits: Limits,
    /// How to speak TLS, where the server does.
    pub tls: Option<TlsAcceptor>,
    pub metrics: Arc<Metrics>,
}

/// Serve until `stop` turns true; returns when the last connection has ended or the time to finish is over.
pub async fn serve(listener: TcpListener, door: Door, mut stop: watch::Receiver<bool>) {
    let Door { router, limits, tls, metrics } = door;
    let seats = Arc::new(Semaphore::new(limits.connections_max));
    let addresses = Arc::new(Addresses::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|&is_stopping| is_stopping) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // Out of file descriptors, or the peer went away: neither ends the server.
            Err(_) => {
                metrics.connection_failed();
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let seat = seats.clone().try_acquire_owned().ok();
        let place = addresses.enter(peer.ip(), limits.connections_per_address_max);
        let (Some(seat), Some(place)) = (seat, place) else {
            metrics.connection_refused();
            refuse(&stream);
            continue;
        };
        let connection =
            Connection { router: router.clone(), peer, limits, stop: stop.clone(), tls: tls.clone(), _held: (seat, place) };
        tokio::spawn(connection.serve(stream));
    }
    drop(listener);
    let all = u32::try_from(limits.connections_max).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(limits.stop_timeout, seats.acquire_many(all)).await;
}

/// A last word that costs nothing: if the peer's buffer takes no line, it gets none.
fn refuse(stream: &TcpStream) {
    let _ =
        stream.try_write(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
}

struct Connection {
    router: Router,
    peer: SocketAddr,
    limits: Limits,
    stop: watch::Receiver<bool>,
    tls: Option<TlsAcceptor>,
    _held: (OwnedSemaphorePermit, Place),
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let stream = Idle::new(stream, self.limits.idle_timeout);
        match self.tls.clone() {
            None => self.answer(stream).await,
            // Who cannot agree on TLS in the time of a head is sent away without a word.
            Some(tls) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(self.limits.header_timeout, tls.accept(stream)).await {
                    self.answer(stream).await;
                }
            }
        }
    }

    async fn answer(mut self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let io = TokioIo::new(stream);
        let (router, peer) = (self.router, self.peer);
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.limits.header_timeout).max_buf_size(HEAD_BYTES_MAX);
        let connection = builder.serve_connection(io, service);
        tokio::pin!(connection);
        let is_stopping = self.stop.wait_for(|&is_stopping| is_stopping);
        tokio::select! {
            // How a connection ends is the peer's affair.
            _ = connection.as_mut() => return,
            _ = is_stopping => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// How many connections each address holds.
#[derive(Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// A connection's place among those of its address; dropped, it is free.
struct Place {
    address: IpAddr,
    of: Arc<Addresses>,
}

impl Addresses {
    fn enter(self: &Arc<Self>, address: IpAddr, max: usize) -> Option<Place> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_insert(0);
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { address, of: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

/// A stream that fails when it makes no progress for too long.
struct Idle<S> {
    stream: S,
    timeout: Duration,
    clock: Pin<Box<Sleep>>,
}

impl<S> Idle<S> {
    fn new(stream: S, timeout: Duration) -> Self {
        Self { stream, timeout, clock: Box::pin(tokio::time::sleep(timeout)) }
    }

    /// Progress winds the clock up; waiting asks it.
    fn judge<T>(&mut self, context: &mut Context<'_>, polled: Poll<std::io::Result<T>>) -> Poll<std::io::Result<T>> {
        if polled.is_ready() {
            self.clock.as_mut().reset(Instant::now() + self.timeout);
            return polled;
        }
        match self.clock.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(std::io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Idle<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.judge(context, polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Idle<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
