//! What is known of how right the semantic hits of each route are.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrogate_core::cache::verify::{Learned, Report, Settings, Verifier};
use serde::Serialize;

/// Routes that are judged. Their names are partly the clients', so they must not go on for ever.
const MOST: usize = 1_000;

/// The file of what was learned.
const FILE: &str = "verification.json";

/// One judgement a route.
#[derive(Debug, Default)]
pub(crate) struct Verifiers {
    routes: Mutex<HashMap<Box<str>, Arc<Verifier>>>,
    /// What the file said of routes that nobody has asked for since.
    learned: Mutex<BTreeMap<String, Learned>>,
}

/// What is known of one route.
#[derive(Debug, Serialize)]
pub(crate) struct RouteReport {
    pub(crate) route: String,
    #[serde(flatten)]
    pub(crate) report: Report,
}

impl Verifiers {
    /// The judgement of a route under these settings; what was learned under others goes on as far as it holds. None where
    /// too many routes are judged already.
    pub(crate) fn of(&self, route: &str, settings: &Settings) -> Option<Arc<Verifier>> {
        let mut routes = lock(&self.routes);
        let present = routes.get(route).map(Arc::clone);
        if let Some(present) = present.as_ref().filter(|present| present.settings() == settings) {
            return Some(Arc::clone(present));
        }
        if present.is_none() && routes.len() >= MOST {
            // Names that clients made up have no answers, so nothing was learned of them.
            routes.retain(|_, verifier| !verifier.snapshot().is_empty());
            if routes.len() >= MOST && !lock(&self.learned).contains_key(route) {
                return None;
            }
        }
        let learned = present.map(|present| present.snapshot()).or_else(|| lock(&self.learned).remove(route));
        let verifier = Arc::new(match learned {
            Some(learned) => Verifier::restore(settings.clone(), learned),
            None => Verifier::new(settings.clone()),
        });
        routes.insert(route.into(), Arc::clone(&verifier));
        Some(verifier)
    }

    /// What is known, by the name of the route.
    pub(crate) fn reports(&self) -> Vec<RouteReport> {
        let mut reports: Vec<_> = self
            .judged()
            .into_iter()
            .map(|(route, verifier)| RouteReport { route: route.into(), report: verifier.report() })
            .collect();
        reports.sort_unstable_by(|one, other| one.route.cmp(&other.route));
        reports
    }

    /// All judgements; requests wait for the lock no longer than this takes.
    fn judged(&self) -> Vec<(Box<str>, Arc<Verifier>)> {
        lock(&self.routes).iter().map(|(route, verifier)| (route.clone(), Arc::clone(verifier))).collect()
    }

    /// Reads what was learned before. What cannot be read is learned anew.
    pub(crate) fn read(&self, folder: &Path) {
        if let Ok(bytes) = fs::read(folder.join(FILE)) {
            *lock(&self.learned) = serde_json::from_slice(&bytes).unwrap_or_default();
        }
    }

    /// Writes what was learned, whole or not at all.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let mut all = lock(&self.learned).clone();
        for (route, verifier) in self.judged() {
            let learned = verifier.snapshot();
            if !learned.is_empty() {
                all.insert(route.into(), learned);
            }
        }
        if all.is_empty() {
            return Ok(());
        }
        let new = folder.join(format!("{FILE}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(&all)?)?;
        fs::rename(new, folder.join(FILE))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn settings(configured: f32) -> Settings {
        Settings {
            configured,
            target: 0.02,
            share: 1.0,
            per_minute: 6,
            frozen: false,
            patience: ferrogate_core::cache::verify::PATIENCE,
            embedder: "hashed/1".to_owned(),
            model: "m".to_owned(),
        }
    }

    #[test]
    fn what_was_learned_goes_on_after_a_restart_and_under_other_settings() {
        let folder = std::env::temp_dir().join(format!("ferrogate-verifiers-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let first = Verifiers::default();
        let faq = first.of("faq", &settings(0.75)).unwrap();
        faq.calibrate(0.9);
        assert!(Arc::ptr_eq(&faq, &first.of("faq", &settings(0.75)).unwrap()));
        first.write(&folder).unwrap();
        let mode = fs::metadata(folder.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Verifiers::default();
        second.read(&folder);
        second.write(&folder).unwrap();
        let second = Verifiers::default();
        second.read(&folder);
        assert_eq!(second.of("faq", &settings(0.75)).unwrap().report().calibrations, 1);
        let changed = Settings { share: 0.5, ..settings(0.75) };
        assert_eq!(second.of("faq", &changed).unwrap().report().calibrations, 1);
        assert!(second.of("faq", &settings(0.8)).unwrap().report().discarded.is_some());
        fs::write(folder.join(FILE), "{").unwrap();
        let third = Verifiers::default();
        third.read(&folder);
        assert_eq!(third.of("faq", &settings(0.75)).unwrap().report().calibrations, 0);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn names_that_clients_made_up_leave_room_for_those_that_are_judged() {
        let verifiers = Verifiers::default();
        let faq = verifiers.of("faq", &settings(0.75)).unwrap();
        faq.calibrate(0.9);
        for number in 0..3 * MOST {
            assert!(verifiers.of(&number.to_string(), &settings(0.75)).is_some());
            assert!(lock(&verifiers.routes).len() <= MOST);
        }
        assert!(Arc::ptr_eq(&faq, &verifiers.of("faq", &settings(0.75)).unwrap()));
        for number in 0..MOST {
            verifiers
                .of(&format!("judged-{number}"), &settings(0.75))
                .into_iter()
                .for_each(|one| one.calibrate(0.9));
        }
        assert!(verifiers.of("one more", &settings(0.75)).is_none());
    }
}
