//! An object of the API as far as we read it, in the form that the API's client wants objects.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::{ApiResource, DynamicResourceScope};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess};

use super::loose::{self, Fields, FromJson, Loose};
use crate::owner::fact::LABELS;

/// An object; all fields of `read` are their defaults when it was something else.
#[derive(Clone, Debug)]
pub(super) struct Object<T> {
    pub(super) read: T,
    /// For the watch, which goes on from the version that it saw last.
    version: ObjectMeta,
}

/// What we read of one kind.
pub(super) trait Read: Fields + Default {
    fn metadata(&self) -> &Metadata;
}

/// What we read of every object's metadata.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    #[serde(deserialize_with = "loose::loose")]
    pub(super) name: String,
    /// Empty for what is the cluster's.
    #[serde(deserialize_with = "loose::loose")]
    pub(super) namespace: String,
    #[serde(deserialize_with = "loose::loose")]
    pub(super) uid: String,
    #[serde(deserialize_with = "loose::loose")]
    pub(super) labels: Pairs,
    #[serde(deserialize_with = "loose::loose")]
    pub(super) annotations: Pairs,
    #[serde(deserialize_with = "loose::loose")]
    pub(super) owner_references: Vec<Owner>,
    #[serde(deserialize_with = "loose::maybe")]
    pub(super) deletion_timestamp: Option<String>,
    #[serde(deserialize_with = "loose::maybe")]
    resource_version: Option<String>,
}

/// What made an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Owner {
    #[serde(deserialize_with = "loose::loose")]
    pub(super) kind: String,
    #[serde(deserialize_with = "loose::loose")]
    pub(super) name: String,
    #[serde(deserialize_with = "loose::loose")]
    pub(super) controller: bool,
}

/// Labels or annotations: those that somebody here asks for. Others may be long or nobody's business.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs(BTreeMap<String, String>);

/// Beside [`LABELS`].
const ASKED_FOR: [&str; 4] =
    ["kubernetes.io/config.hash", "kubernetes.io/config.mirror", "kubernetes.io/service-name", "pod-template-hash"];

impl Pairs {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<'de> FromJson<'de> for Pairs {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut pairs = BTreeMap::new();
        while let Some((Loose::<String>(name), Loose::<String>(value))) = object.next_entry()? {
            let name = name.filter(|name| ASKED_FOR.contains(&&**name) || LABELS.contains(&&**name));
            pairs.extend(name.zip(value));
        }
        Ok(Some(Self(pairs)))
    }
}

impl Fields for Metadata {}
impl Fields for Owner {}

impl<'de, T: Read> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read: T = loose::loose(deserializer)?;
        let resource_version = read.metadata().resource_version.clone();
        Ok(Self { version: ObjectMeta { resource_version, ..ObjectMeta::default() }, read })
    }
}

impl<T> Resource for Object<T> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn group(kind: &ApiResource) -> Cow<'_, str> {
        (&*kind.group).into()
    }

    fn version(kind: &ApiResource) -> Cow<'_, str> {
        (&*kind.version).into()
    }

    fn kind(kind: &ApiResource) -> Cow<'_, str> {
        (&*kind.kind).into()
    }

    fn plural(kind: &ApiResource) -> Cow<'_, str> {
        (&*kind.plural).into()
    }

    fn api_version(kind: &ApiResource) -> Cow<'_, str> {
        (&*kind.api_version).into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.version
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.version
    }
}
