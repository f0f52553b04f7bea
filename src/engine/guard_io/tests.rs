use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const SECOND: Duration = Duration::from_secs(1);

fn guarded(idle: Option<Duration>, cap: Option<u64>) -> (GuardIo<DuplexStream>, DuplexStream, Arc<Meter>) {
    let (ours, theirs) = duplex(1024);
    let meter = Arc::new(Meter::default());
    (GuardIo::new(ours, idle, cap, Arc::clone(&meter)), theirs, meter)
}

fn inner(error: &io::Error) -> GuardTrip {
    *error.get_ref().unwrap().downcast_ref().unwrap()
}

#[tokio::test(start_paused = true)]
async fn silence_in_the_middle_trips_after_the_limit_and_stays_tripped() {
    let (mut io, mut peer, meter) = guarded(Some(SECOND), None);
    peer.write_all(b"HTTP").await.unwrap();
    let mut buf = [0; 16];
    assert_eq!(io.read(&mut buf).await.unwrap(), 4);
    let start = Instant::now();
    let error = io.read(&mut buf).await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 1);
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(inner(&error), GuardTrip::Idle { limit: SECOND });
    assert_eq!(meter.trip(), Some(GuardTrip::Idle { limit: SECOND }));
    peer.write_all(b"late").await.unwrap();
    assert!(io.read(&mut buf).await.is_err(), "a tripped connection is not used again");
    assert_eq!(meter.bytes_in(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_the_first_byte_is_not_ours() {
    let (mut io, mut peer, meter) = guarded(Some(SECOND), None);
    let late = tokio::spawn(async move {
        sleep(60 * SECOND).await;
        peer.write_all(b"x").await.unwrap();
        peer
    });
    let mut buf = [0; 16];
    assert_eq!(io.read(&mut buf).await.unwrap(), 1);
    assert_eq!(meter.trip(), None);
    drop(late.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn each_byte_winds_the_clock_again() {
    let (mut io, mut peer, meter) = guarded(Some(SECOND), None);
    tokio::spawn(async move {
        for _ in 0..10 {
            peer.write_all(b"x").await.unwrap();
            sleep(Duration::from_millis(900)).await;
        }
    });
    let mut all = Vec::new();
    io.read_to_end(&mut all).await.unwrap();
    assert_eq!((all.len(), meter.bytes_in(), meter.trip()), (10, 10, None));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_a_silent_engine() {
    let (mut io, mut peer, _) = guarded(Some(SECOND), None);
    peer.write_all(b"ab").await.unwrap();
    let mut one = [0; 1];
    io.read_exact(&mut one).await.unwrap();
    sleep(60 * SECOND).await;
    io.read_exact(&mut one).await.unwrap();
    assert_eq!(&one, b"b");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_does_not_count_as_silence_of_the_next() {
    let (mut io, mut peer, _) = guarded(Some(SECOND), None);
    let mut buf = [0; 16];
    peer.write_all(b"x").await.unwrap();
    io.read_exact(&mut buf[..1]).await.unwrap();
    assert!(tokio::time::timeout(SECOND / 2, io.read(&mut buf)).await.is_err());
    peer.write_all(b"y").await.unwrap();
    sleep(2 * SECOND).await;
    assert_eq!(io.read(&mut buf).await.unwrap(), 1, "data that is there is read before the clock is asked");
}

#[tokio::test]
async fn all_up_to_the_cap_is_handed_up_and_no_more() {
    for (sent, trips) in [(99, false), (100, false), (101, true), (500, true)] {
        let (mut io, mut peer, meter) = guarded(None, Some(100));
        peer.write_all(&vec![b'x'; sent]).await.unwrap();
        drop(peer);
        let mut all = Vec::new();
        let outcome = io.read_to_end(&mut all).await;
        assert_eq!(all.len(), sent.min(100));
        assert_eq!(outcome.is_err(), trips, "{sent}");
        assert_eq!(meter.trip(), trips.then_some(GuardTrip::TooLarge { cap: 100 }));
        if let Err(error) = outcome {
            assert_eq!(inner(&error), GuardTrip::TooLarge { cap: 100 });
        }
    }
}

#[tokio::test]
async fn a_cap_met_byte_by_byte_trips_too() {
    let (mut io, mut peer, meter) = guarded(None, Some(3));
    peer.write_all(b"abcd").await.unwrap();
    let mut one = [0; 1];
    for _ in 0..3 {
        io.read_exact(&mut one).await.unwrap();
    }
    assert!(io.read_exact(&mut one).await.is_err());
    assert_eq!(meter.bytes_in(), 3);
}

#[tokio::test]
async fn what_is_written_is_counted() {
    let (mut io, mut peer, meter) = guarded(None, None);
    assert!(!meter.wrote_any());
    io.write_all(b"GET").await.unwrap();
    let parts = [io::IoSlice::new(b" /"), io::IoSlice::new(b"x")];
    assert_eq!(io.write_vectored(&parts).await.unwrap(), 3);
    assert!(meter.wrote_any());
    assert_eq!(meter.bytes_out(), 6);
    io.shutdown().await.unwrap();
    let mut all = Vec::new();
    drop(io);
    peer.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"GET /x");
}

/// Always ready, and of no budget of its own: the worst neighbour.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        buf.put_slice(b"x");
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_endless_stream_lets_others_run() {
    let mut io = GuardIo::new(Endless, Some(SECOND), None, Arc::default());
    let reader = tokio::spawn(async move {
        let mut buf = [0; 1];
        while io.read(&mut buf).await.is_ok() {}
    });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    reader.abort();
    assert!(reader.await.unwrap_err().is_cancelled());
}

/// hyper says only that the body broke off; the meter says why.
#[tokio::test(start_paused = true)]
async fn the_meter_tells_what_hyper_does_not() {
    use http_body_util::{BodyExt, Empty};
    let (io, mut peer, meter) = guarded(Some(SECOND), None);
    let (mut send, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection);
    let engine = tokio::spawn(async move {
        let mut asked = [0; 512];
        assert!(peer.read(&mut asked).await.unwrap() > 0);
        sleep(5 * SECOND).await;
        peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
        peer
    });
    let request = hyper::Request::get("/_ping").body(Empty::<&[u8]>::new()).unwrap();
    let answer = send.send_request(request).await.unwrap();
    let start = Instant::now();
    assert!(answer.into_body().collect().await.is_err());
    assert_eq!(start.elapsed().as_secs(), 1);
    assert_eq!(meter.trip(), Some(GuardTrip::Idle { limit: SECOND }));
    assert!(meter.wrote_any());
    drop(engine.await.unwrap());
}
