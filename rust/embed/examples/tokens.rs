//! The crate's side of `golden/compare_tokens.py`: one JSON string a line in, the numbers of its word pieces out.
//!
//! `tokens FOLDER`

use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::Path;

use ferrogate_embed::{Tokenizer, Tokens};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: tokens FOLDER < texts")?;
    let tokenizer = Tokenizer::from_json(&std::fs::read(Path::new(&folder).join("tokenizer.json"))?)?;
    let mut tokens = Tokens::default();
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let text: String = serde_json::from_str(&line?)?;
        tokenizer.tokenize(&text, &mut tokens)?;
        writeln!(out, "{:?}", tokens.ids())?;
    }
    Ok(())
}
