use http_body_util::BodyExt;

use super::*;

struct Letters(u32);

impl Events for Letters {
    fn chunks(&self) -> u32 {
        self.0
    }
    fn tokens(&self) -> u64 {
        0
    }
    fn open(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"(open)");
    }
    fn chunk(&mut self, index: u32, out: &mut BytesMut) {
        out.extend_from_slice(format!("({index:03})").as_bytes());
    }
    fn close(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"(close)");
    }
    fn error(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"(error)");
    }
}

/// The frames of a stream and whether it broke.
async fn frames(chunks: u32, plan: Plan) -> (Vec<String>, bool) {
    let mut body = MockBody::stream(Box::new(Letters(chunks)), plan, Trace::off());
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => frames.push(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()),
            Err(_) => return (frames, true),
        }
    }
    (frames, false)
}

#[tokio::test]
async fn an_unpaced_stream_leaves_in_one_frame() {
    let (frames, broken) = frames(3, Plan::default()).await;
    assert_eq!(frames, ["(open)(000)(001)(002)(close)"]);
    assert!(!broken);
}

#[tokio::test(start_paused = true)]
async fn a_paced_stream_sends_each_event_alone_and_on_time() {
    let ms = Duration::from_millis;
    let plan = Plan { first: ms(4), pace: ms(2), ..Plan::default() };
    let start = Instant::now();
    let (frames, broken) = frames(3, plan).await;
    assert_eq!(frames, ["(open)", "(000)", "(001)", "(002)", "(close)"]);
    assert!(!broken);
    assert_eq!(start.elapsed(), ms(8));
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_events_leaves_in_one_frame_and_keeps_the_pace() {
    let ms = Duration::from_millis;
    let plan = Plan { first: ms(4), pace: ms(2), batch: 2, ..Plan::default() };
    let start = Instant::now();
    let (frames, broken) = frames(5, plan).await;
    assert_eq!(frames, ["(open)", "(000)(001)", "(002)(003)", "(004)", "(close)"]);
    assert!(!broken);
    assert_eq!(start.elapsed(), ms(4 + 4 * 2));
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_where_the_stream_is_cut() {
    let plan = Plan { pace: Duration::from_millis(1), batch: 4, cut_after: Some(2), ..Plan::default() };
    let (frames, broken) = frames(8, plan).await;
    assert_eq!((frames, broken), (vec!["(open)".to_owned(), "(000)(001)(0".to_owned()], true));
}

#[tokio::test]
async fn a_cut_stops_within_an_event() {
    for (after, expected) in [(0, "(op"), (1, "(open)(000)(0"), (3, "(open)(000)(001)(002)(cl")] {
        let plan = Plan { cut_after: Some(after), ..Plan::default() };
        let (frames, broken) = frames(3, plan).await;
        assert_eq!((frames.concat().as_str(), broken), (expected, true), "after {after}");
    }
}

#[tokio::test]
async fn an_error_event_replaces_the_rest() {
    for (after, expected) in [(0, "(error)"), (2, "(open)(000)(001)(error)")] {
        let plan = Plan { error_after: Some(after), ..Plan::default() };
        let (frames, broken) = frames(3, plan).await;
        assert_eq!((frames.concat().as_str(), broken), (expected, false), "after {after}");
    }
}

#[tokio::test]
async fn a_stream_without_content_opens_and_closes() {
    let (frames, _) = frames(0, Plan::default()).await;
    assert_eq!(frames, ["(open)(close)"]);
}

#[tokio::test]
async fn half_an_answer_breaks() {
    let mut body = MockBody::half(Bytes::from_static(b"12345678"), Trace::off());
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "1234");
    assert!(body.frame().await.unwrap().is_err());
}
