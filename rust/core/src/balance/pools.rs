//! The pools of one configuration, by route: made at their first use, gone with their snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::pool::{Member, Pool};

/// Names of routes may be the client's to choose (`provider/model`), so no more than these are kept.
const KEPT: usize = 1024;

/// Pools by route. What lanes have been through is not in them, so a new set forgets nothing but its tick.
#[derive(Debug, Default)]
pub struct Pools(ArcSwap<HashMap<Box<str>, Arc<Pool>>>);

impl Pools {
    /// The pool of `route`, made of `members` where there is none yet.
    pub fn pool(&self, route: &str, members: impl FnOnce() -> Vec<Member>) -> Arc<Pool> {
        if let Some(pool) = self.0.load().get(route) {
            return Arc::clone(pool);
        }
        let fresh = Arc::new(Pool::new(members()));
        if self.0.load().len() >= KEPT {
            return fresh;
        }
        self.0.rcu(|pools| {
            let mut pools = HashMap::clone(pools);
            pools.entry(route.into()).or_insert_with(|| Arc::clone(&fresh));
            pools
        });
        self.0.load().get(route).map_or(fresh, Arc::clone)
    }

    /// All that have been used.
    pub fn all(&self) -> Vec<(Box<str>, Arc<Pool>)> {
        self.0.load().iter().map(|(route, pool)| (route.clone(), Arc::clone(pool))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_one_pool_and_names_cannot_fill_memory() {
        let pools = Pools::default();
        let first = pools.pool("chat", Vec::new);
        assert!(Arc::ptr_eq(&first, &pools.pool("chat", Vec::new)));
        for index in 0..2 * KEPT {
            pools.pool(&format!("m{index}"), Vec::new);
        }
        assert_eq!(pools.all().len(), KEPT);
        assert!(Arc::ptr_eq(&first, &pools.pool("chat", Vec::new)));
    }
}
