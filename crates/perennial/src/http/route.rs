//! What answers where, and who may ask. A route cannot be made without saying so: there is no constructor that leaves it out.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::App;
use super::guard::{self, guard};
use crate::access::Action;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Whoever may do this, by the policies.
    To(Action),
    /// Anybody at all, and why that is right.
    Nothing { because: &'static str },
}

/// The largest body a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyMax(pub usize);

/// A form or a small JSON object.
pub const SMALL: BodyMax = BodyMax(64 << 10);
/// A batch of events or orders.
pub const BATCH: BodyMax = BodyMax(8 << 20);

/// One address and method.
pub struct Route {
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of roles walks the routes"))]
    pub method: Method,
    /// With `{name}` where a part varies.
    pub path: &'static str,
    pub needs: Needs,
    pub body_max: BodyMax,
    handler: MethodRouter<Arc<App>>,
}

impl Route {
    pub fn get<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, needs: Needs, handler: H) -> Self {
        Self { method: Method::GET, path, needs, body_max: BodyMax(0), handler: on(MethodFilter::GET, handler) }
    }

    pub fn post<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, needs: Needs, handler: H) -> Self {
        Self { method: Method::POST, path, needs, body_max: SMALL, handler: on(MethodFilter::POST, handler) }
    }

    pub fn delete<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, needs: Needs, handler: H) -> Self {
        Self { method: Method::DELETE, path, needs, body_max: BodyMax(0), handler: on(MethodFilter::DELETE, handler) }
    }

    /// The same route for larger bodies.
    #[must_use]
    pub fn taking(self, body_max: BodyMax) -> Self {
        Self { body_max, ..self }
    }

    /// Mounted behind its guard.
    pub fn mount(self, router: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
        let rule = guard::Rule { app: app.clone(), needs: self.needs, body_max: self.body_max };
        router.route(self.path, self.handler.layer(from_fn_with_state(rule, guard)))
    }
}
