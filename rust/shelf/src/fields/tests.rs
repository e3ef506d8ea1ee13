use proptest::prelude::*;

use super::*;

fn entry() -> impl Strategy<Value = Entry> {
    let forms =
        [Form::Chat, Form::Messages, Form::Responses, Form::Completions, Form::Embeddings, Form::Moderations];
    let text = || any::<String>().prop_map(String::into_boxed_str);
    let usage = any::<[u64; 3]>().prop_map(|[input, output, cached]| Usage { input, output, cached });
    let what = (prop::sample::select(forms.to_vec()), any::<bool>(), any::<Vec<u8>>(), any::<u16>());
    let texts = (text(), text(), text(), text(), text(), text());
    let question = (any::<[u8; 32]>(), text());
    let question = question.prop_map(|(scope, text)| Question { scope: Scope::from_bytes(scope), text });
    let rest = (prop::option::of(text()), prop::option::of(usage), any::<u64>(), prop::option::of(question));
    (what, texts, rest).prop_map(|(what, texts, (finish, usage, ttl, question))| {
        let (form, whole, body, status) = what;
        let (tenant, content_type, model, provider, route, preview) = texts;
        let shape = if whole { Shape::Whole } else { Shape::Events };
        let body = body.into();
        Entry {
            tenant,
            form,
            shape,
            body,
            status,
            content_type,
            model,
            provider,
            finish,
            usage,
            route,
            preview,
            ttl,
            question,
        }
    })
}

proptest! {
    #[test]
    fn an_entry_comes_back_as_it_was(entry in entry()) {
        let mut bytes = Vec::new();
        write(&mut bytes, &entry);
        prop_assert_eq!(read(&bytes, entry.ttl), Some(entry));
    }

    #[test]
    fn a_field_of_a_later_version_is_passed_over(entry in entry(), tag in 100_u8.., value: Vec<u8>) {
        let mut bytes = Vec::new();
        field(&mut bytes, tag, &[&value]);
        write(&mut bytes, &entry);
        field(&mut bytes, tag, &[&value]);
        prop_assert_eq!(read(&bytes, entry.ttl), Some(entry));
    }

    #[test]
    fn no_bytes_are_too_odd_to_be_read(bytes: Vec<u8>) {
        let _ = read(&bytes, 0);
    }

    #[test]
    fn half_an_entry_is_none(entry in entry(), cut in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        write(&mut bytes, &Entry { question: None, ..entry });
        bytes.truncate(cut.index(bytes.len()));
        prop_assert_eq!(read(&bytes, 0), None);
    }
}
