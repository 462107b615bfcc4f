//! A kind of object → all of them, page by page.

use std::fmt::Debug;

use kube::Api;
use kube::api::ListParams;

use super::object::{Object, Read};

/// As many as every other client of the API takes at once.
const PAGE: u32 = 500;

/// More would be of a server that gives pages without anything in them for ever.
const PAGES_MAX: usize = 1000;

/// All of one kind, or as many as there may be.
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
    /// That there were more.
    pub(super) cut: bool,
}

/// Reads `api` page by page; of more than `max` objects, the first ones.
pub(super) async fn all<T>(api: &Api<Object<T>>, params: ListParams, max: usize) -> Result<Listed<T>, kube::Error>
where
    T: Read + Clone + Debug,
{
    let mut params = params.limit(PAGE);
    let mut items = Vec::new();
    for _ in 0..PAGES_MAX {
        let page = api.list(&params).await?;
        items.extend(page.items.into_iter().map(|object| object.read));
        let next = page.metadata.continue_.filter(|token| !token.is_empty());
        let full = items.len() >= max;
        items.truncate(max);
        match next {
            Some(token) if !full => params = params.continue_token(&token),
            next => return Ok(Listed { cut: next.is_some(), items }),
        }
    }
    Ok(Listed { cut: true, items })
}
