//! Writing JSON as bytes, member by member: nothing is escaped that was escaped already.

use crate::conversation::Text;
use crate::json::escape_into;

/// An object that is being written. It is closed by [`Object::end`].
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    any: bool,
}

impl<'o> Object<'o> {
    pub(super) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, any: false }
    }

    /// Writes a key, which needs no escape: all are written here. The value is the caller's to write.
    pub(super) fn key(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.any { b",\"" } else { b"\"" });
        self.any = true;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// JSON as it stands.
    pub(super) fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.key(name).extend_from_slice(json.as_bytes());
        self
    }

    pub(super) fn text(&mut self, name: &str, text: &Text<'_>) -> &mut Self {
        self.raw(name, text.raw())
    }

    pub(super) fn string(&mut self, name: &str, plain: &str) -> &mut Self {
        escape_into(self.key(name), plain);
        self
    }

    pub(super) fn number(&mut self, name: &str, number: u64) -> &mut Self {
        let out = self.key(name);
        push_number(out, number);
        self
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    pub(super) fn object(&mut self, name: &str) -> Object<'_> {
        Object::begin(self.key(name))
    }

    pub(super) fn array(&mut self, name: &str) -> Array<'_> {
        Array::begin(self.key(name))
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

/// A list that is being written. It is closed by [`Array::end`].
pub(super) struct Array<'o> {
    out: &'o mut Vec<u8>,
    any: bool,
    amended: bool,
}

impl<'o> Array<'o> {
    pub(super) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, any: false, amended: false }
    }

    /// Begins an item; its value is the caller's to write.
    pub(super) fn item(&mut self) -> &mut Vec<u8> {
        if self.any {
            self.out.push(b',');
        }
        self.any = true;
        self.amended = false;
        self.out
    }

    pub(super) fn object(&mut self) -> Object<'_> {
        Object::begin(self.item())
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.any
    }

    /// Adds a member, once, to the object that was written last, which has one already.
    pub(super) fn amend_last(&mut self, write: impl FnOnce(&mut Object<'_>)) {
        if self.any && !self.amended && self.out.pop() == Some(b'}') {
            self.amended = true;
            let mut object = Object { out: self.out, any: true };
            write(&mut object);
            object.end();
        }
    }

    pub(super) fn end(self) {
        self.out.push(b']');
    }
}

pub(super) fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(number.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between() {
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        object.string("a", "x\"").number("b", 7).flag("c", true);
        let mut list = object.array("d");
        let mut first = list.object();
        first.number("x", 1);
        first.end();
        list.amend_last(|object| {
            object.raw("e", "null");
        });
        list.item().extend_from_slice(b"1");
        list.end();
        object.object("f").end();
        object.end();
        assert_eq!(out, br#"{"a":"x\"","b":7,"c":true,"d":[{"x":1,"e":null},1],"f":{}}"#);
    }
}
