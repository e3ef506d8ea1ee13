//! What is known of each lane, for the admin API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_core::balance::{Lane, Moment};
use ferrogate_core::snapshot::{Key, Provider, Route, Snapshot};
use serde::Serialize;

/// One lane.
#[derive(Debug, Serialize)]
pub struct LaneStatus {
    provider: String,
    key: String,
    key_id: String,
    model: String,
    weight: f64,
    enabled: bool,
    in_flight: u32,
    /// Those of them without a first token.
    waiting: u32,
    requests: u64,
    successes: u64,
    failures: u64,
    cancelled: u64,
    last_error: Option<&'static str>,
    last_status: Option<u16>,
    state: &'static str,
    /// Of the last 20 s.
    success_ratio: Option<f64>,
    ttft_ms: Option<f64>,
    token_ms: Option<f64>,
    /// Until it is back by itself.
    cooldown_ms: Option<u64>,
    /// Attempts a second that it is held to.
    ceiling_rps: Option<f64>,
    /// As in the route where it has most company.
    route: Option<String>,
    tier: Option<u32>,
    share: Option<f64>,
    multiplier: Option<f64>,
    why: String,
    routes: Vec<Place>,
}

/// A lane's part in one route.
#[derive(Debug, Clone, Serialize)]
struct Place {
    route: String,
    tier: u32,
    share: f64,
    multiplier: f64,
    why: String,
}

/// Every lane that has been used or that a route has.
pub(super) fn lanes(snapshot: &Snapshot, now: Moment) -> Vec<LaneStatus> {
    let places = places(&snapshot.routes(), now);
    let keys =
        snapshot.providers.iter().flat_map(|provider| provider.keys.iter().map(move |key| (provider, key)));
    keys.flat_map(|(provider, key)| {
        let mut lanes = key.lanes.all();
        lanes.sort_by(|one, other| one.model.cmp(&other.model));
        lanes.into_iter().map(|lane| status(provider, key, &lane, &places, now)).collect::<Vec<_>>()
    })
    .collect()
}

/// Places by the lane, those with most company first.
type Places = BTreeMap<*const Lane, Vec<Place>>;

fn places(routes: &[Arc<Route>], now: Moment) -> Places {
    let mut by_company: Vec<_> = routes.iter().collect();
    by_company.sort_by_key(|route| std::cmp::Reverse(route.choices.len()));
    let mut places = Places::new();
    for route in by_company {
        // Where there is one lane no request works the table out, and before the first request none has.
        route.pool.refresh(now);
        for (index, member) in route.pool.members().iter().enumerate() {
            places.entry(Arc::as_ptr(&member.lane)).or_default().push(Place {
                route: route.name.to_string(),
                tier: member.tier,
                share: route.pool.share(index),
                multiplier: route.pool.multiplier(index, now),
                why: route.pool.why(index, now),
            });
        }
    }
    places
}

fn status(provider: &Provider, key: &Key, lane: &Arc<Lane>, places: &Places, now: Moment) -> LaneStatus {
    let (requests, successes, failures, cancelled) = lane.counts();
    let last = lane.last_failure();
    let standing = lane.standing(now);
    let outcomes = lane.outcomes(now);
    let routes = places.get(&Arc::as_ptr(lane)).cloned().unwrap_or_default();
    let place = routes.first();
    let millis = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
    LaneStatus {
        provider: provider.name.to_string(),
        key: key.name.to_string(),
        key_id: key.id.to_string(),
        model: lane.model.to_string(),
        weight: key.weight,
        enabled: key.enabled,
        in_flight: lane.in_flight(),
        waiting: lane.waiting(),
        requests,
        successes,
        failures,
        cancelled,
        last_error: last.map(|failure| failure.kind.id()),
        last_status: last.map(|failure| failure.status).filter(|&status| status > 0),
        state: standing.name(),
        success_ratio: (outcomes.ended() > 0).then(|| outcomes.ratio()),
        ttft_ms: lane.ttft().map(millis),
        token_ms: lane.pace().map(millis),
        cooldown_ms: standing
            .until()
            .map(|until| u64::try_from(until.since(now).as_millis()).unwrap_or(u64::MAX)),
        ceiling_rps: lane.ceiling(now),
        route: place.map(|place| place.route.clone()),
        tier: place.map(|place| place.tier),
        share: place.map(|place| place.share),
        multiplier: place.map(|place| place.multiplier),
        why: place.map_or_else(|| "no route has asked for it yet".to_owned(), |place| place.why.clone()),
        routes,
    }
}
