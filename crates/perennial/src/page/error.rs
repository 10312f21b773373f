//! What people see when a page cannot be shown: the same facts as problem details, as a page, in their language.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, header};
use axum::middleware::Next;

use super::view::{Block, Tone};
use super::visit::Visit;
use crate::http::{App, Problem, session_token};

/// Around all routes: problems of addresses that people visit become pages; programs keep theirs.
pub async fn for_people(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let is_page = !request.uri().path().starts_with("/api/") && takes_html(request.headers());
    let visit = is_page.then(|| Visit::of_parts(&app, request.uri(), request.headers(), None));
    let token = session_token(request.headers(), app.is_secure()).map(str::to_owned);
    let response = next.run(request).await;
    let (Some(mut visit), Some(problem)) = (visit, response.extensions().get::<Problem>().cloned()) else { return response };
    // The guard stands further in, so that who asks is looked up again, for the menu of this page alone.
    let found = token.map(|token| app.access.by_session(&token, jiff::Timestamp::now()));
    visit.caller = found.and_then(Result::ok).flatten();
    let Ok(page) = page(&visit, &problem, &response) else { return response };
    // Status, log facts and headers such as Retry-After stay those of the answer.
    let (mut parts, _) = response.into_parts();
    let (page_parts, body) = page.into_parts();
    parts.headers.remove(header::WWW_AUTHENTICATE);
    parts.headers.extend(page_parts.headers);
    Response::from_parts(parts, body)
}

fn takes_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|kinds| kinds.contains("text/html"))
}

fn page(visit: &Visit, problem: &Problem, response: &Response<Body>) -> super::visit::Answer {
    let (en, zh) = words(&problem.code);
    let title = visit.of(en, zh);
    let mut blocks = vec![Block::Note(
        Tone::Bad,
        visit.of(&format!("{}.", crate::report::words::capital(&problem.detail)), zh_lead(&problem.code)).to_owned(),
    )];
    if visit.language == crate::report::Language::Zh {
        blocks.push(Block::Text(format!("详情（英文）：{}", problem.detail)));
    }
    let link = |href: &str, en: &str, zh: &str| (href.to_owned(), visit.of(en, zh).to_owned());
    let mut links = vec![link("/", "To the home page", "返回首页")];
    if problem.code == "not-signed-in" {
        links.insert(0, link("/sign-in", "Sign in", "登录"));
    }
    blocks.push(Block::Links(links));
    visit.page_as(response.status(), title, blocks)
}

/// A title for each code of a problem.
fn words(code: &str) -> (&'static str, &'static str) {
    match code {
        "not-signed-in" => ("Sign in first", "请先登录"),
        "not-allowed" => ("This is not for you", "没有权限"),
        "forged" => ("The form was not taken", "表单未被接受"),
        "no-such-page" => ("There is no such page", "没有此页面"),
        "customer-unknown" => ("No such customer", "没有此客户"),
        "no-such-thing" => ("This does not exist", "所求不存在"),
        "wrong-method" => ("This cannot be opened", "此地址无法这样打开"),
        "conflict" => ("This cannot be done now", "目前无法执行"),
        "gate-shut" => ("A gate refused", "关卡拒绝"),
        "bad-value" | "bad-request" | "wrong-type" => ("Something in the request is not right", "请求中有误"),
        "too-large" => ("This is too large", "内容过大"),
        "too-slow" => ("The request took too long", "请求超时"),
        "too-many-requests" => ("Too many requests", "请求过多"),
        "busy" => ("The server is busy", "服务器繁忙"),
        "not-ready" => ("The shop cannot answer yet", "店铺尚不能作答"),
        _ => ("The server failed", "服务器出错"),
    }
}

/// What to do, for people who read Chinese; the detail itself is in English.
fn zh_lead(code: &str) -> &'static str {
    match code {
        "not-signed-in" => "请登录后再试。",
        "not-allowed" => "您的角色无权执行此操作；所有者或管理员可授予权限。",
        "forged" => "请重新打开页面，再提交表单。",
        "no-such-page" => "此地址没有内容，请从菜单进入。",
        "customer-unknown" => "没有此编号的客户在所问日期之前购买过；编号须与店铺文件中的一致。",
        "no-such-thing" => "所请求的对象不存在，或已被移除。",
        "conflict" => "店铺当前的状态不允许此操作，原因见下。",
        "gate-shut" => "评估关卡拒绝了此操作，原因见下。",
        "bad-value" | "bad-request" | "wrong-type" => "请按下文更正后再试。",
        "too-many-requests" | "busy" => "请稍候再试。",
        "not-ready" => "请先导入数据并完成评分。",
        _ => "请稍后再试；失败详情在服务器日志中。",
    }
}
