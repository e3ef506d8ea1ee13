//! A process that is killed, or that the disk refuses, in the middle of its writes.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::answers::{Folder, body, key, open, put};

/// Answers that the child keeps at one time.
const KEPT: u64 = 500;
/// How many it changes between two flushes.
const STEP: u64 = 50;

/// Runs one of the tests below that are ignored in a process of its own.
fn child(test: &str, folder: &Folder) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env("SHELF", folder.log());
    command.stdout(Stdio::piped());
    command
}

/// The numbers that a child says, one a line.
fn numbers(child: &mut Child) -> impl Iterator<Item = u64> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("at ")?.parse().ok())
}

fn say(number: u64) {
    io::stdout().write_all(format!("\nat {number}\n").as_bytes()).unwrap();
}

/// Puts answers, each of which pushes an older one out, and says how many are on the disk.
#[test]
#[ignore = "run by another test, which kills it"]
fn writes_until_it_is_killed() {
    let path = env::var("SHELF").unwrap();
    let (store, shelf) = open(Path::new(&path), |_, _| ());
    for number in 0.. {
        put(&store, &shelf, number, number);
        if let Some(old) = number.checked_sub(KEPT) {
            store.remove(&key(old));
            shelf.changed(&key(old));
        }
        if number % STEP == 0 {
            shelf.flush().unwrap();
            say(number);
        }
    }
}

#[test]
fn a_killed_process_leaves_all_that_it_had_flushed_and_nothing_that_it_had_removed() {
    // The last one is killed after the log was written anew more than once.
    for until in [0, 2_000, 5_000, 60_000] {
        let folder = Folder::new();
        let mut child = child("killed::writes_until_it_is_killed", &folder).spawn().unwrap();
        let mut said = numbers(&mut child);
        let flushed = said.find(|flushed| *flushed >= until).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let flushed = said.last().unwrap_or(flushed);

        let mut found = BTreeMap::new();
        let _ = open(&folder.log(), |number, body| {
            found.insert(number, body.to_vec());
        });
        // What was removed by the last flush, and what may have been before the next one.
        let (gone, going) = (flushed.checked_sub(KEPT), (flushed + STEP).checked_sub(KEPT));
        let stays = going.map_or(0, |number| number + 1)..=flushed;
        assert!(stays.into_iter().all(|number| found.contains_key(&number)), "flushed {flushed}");
        assert!(found.keys().all(|number| Some(*number) > gone), "{gone:?}: {:?}", found.first_key_value());
        assert!(found.iter().all(|(number, found)| *found == body(*number, *number)));
    }
}

/// Goes on in memory when the disk takes no more, and says how many answers it had put by then.
#[test]
#[ignore = "run by another test, with a limit on the size of files"]
fn writes_until_the_disk_refuses() {
    let path = env::var("SHELF").unwrap();
    let (store, shelf) = open(Path::new(&path), |_, _| ());
    let refused = (0..1_000_000).find(|number| {
        put(&store, &shelf, *number, *number);
        shelf.flush().is_err()
    });
    let refused = refused.unwrap();
    assert!(shelf.status().failure.is_some());
    for number in refused..refused + 10 {
        put(&store, &shelf, number, number);
        assert!(store.peek(&key(number)).is_some());
    }
    assert!(shelf.flush().is_err());
    assert_eq!(shelf.status().failures, 1);
    say(refused);
}

#[test]
fn where_the_disk_refuses_the_cache_goes_on_and_the_file_stays_whole() {
    let folder = Folder::new();
    let test = child("killed::writes_until_the_disk_refuses", &folder);
    let mut child = Command::new("sh");
    child.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]).arg(test.get_program());
    child.args(test.get_args()).env("SHELF", folder.log()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let refused = numbers(&mut child).last().unwrap();
    assert!(child.wait().unwrap().success());
    let mut found = Vec::new();
    let _ = open(&folder.log(), |number, _| found.push(number));
    assert!(found.iter().copied().eq(0..refused), "{refused} were put, there are {}", found.len());
}
