//! A call allocates nothing once its scratch has grown.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use crate::tiny;
use ferrogate_embed::{Embed, Embedder, Scratch};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[expect(unsafe_code, reason = "an allocator that counts")]
// SAFETY: the system's allocator does all of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_call_allocates_nothing() {
    let folder = tiny::Folder::new();
    let embedder = Embedder::with(folder.path(), &tiny::options()).unwrap();
    let mut scratch = Scratch::default();
    let count = |scratch: &mut Scratch, text: &str| {
        let before = COUNT.get();
        embedder.embed(text, scratch).unwrap();
        COUNT.get() - before
    };
    let long = "how do i reset my ünïcode password 東京?";
    assert!(count(&mut scratch, long) > 0, "the first call grows the scratch");
    assert_eq!(count(&mut scratch, long), 0);
    assert_eq!(count(&mut scratch, "how do i?"), 0);
}
