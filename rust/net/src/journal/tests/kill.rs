//! A process that is killed the hard way: this test starts itself once more and kills that.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{Folder, Options, all, push};

const CHILD: &str = "FERROGATE_TEST_JOURNAL_CHILD";
const ROWS: u64 = 2_000;

#[test]
fn a_killed_process_leaves_every_row_that_is_a_tenth_of_a_second_old() {
    let folder = Folder::new();
    let name = thread::current().name().unwrap().to_owned();
    if let Ok(path) = std::env::var(CHILD) {
        return be_killed(path);
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, &folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let pushed = output.lines().map_while(Result::ok).any(|line| line.contains("all rows are pushed"));
    assert!(pushed);
    thread::sleep(Duration::from_millis(100));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(all(&folder.reader()), (0..ROWS).collect::<Vec<_>>());

    let journal = folder.open();
    push(&mut journal.producer(), ROWS);
    journal.close();
    assert_eq!(all(&folder.reader()), (0..=ROWS).collect::<Vec<_>>());
}

#[expect(clippy::print_stdout, reason = "how the child tells its parent")]
fn be_killed(path: String) {
    let journal = super::Journal::open(Options::new(path)).unwrap();
    let mut producer = journal.producer();
    (0..ROWS).for_each(|number| push(&mut producer, number));
    println!("\nall rows are pushed");
    // Until the kill, or the end of a parent that failed.
    let _ = std::io::stdin().read_line(&mut String::new());
    std::process::exit(1);
}
