from pathlib import Path

import pytest

from ferrogate.config import check_config, find_config, load_config
from ferrogate.errors import ConfigError
from ferrogate.providers.builtin import BUILTIN
from ferrogate.providers.registry import Registry

KINDS = Registry(BUILTIN).options()
ENVIRON = {"OPENAI_API_KEY": "sk-from-environment-0001", "OPENAI_KEY_2": "sk-from-environment-0002"}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def _write(text: str, name: str = "gateway.yaml") -> Path:
        Path(name).write_text(text)
        return Path(name)

    return _write


def check(path, overrides=None, environ=None):
    return check_config(path, overrides, ENVIRON if environ is None else environ, KINDS)


DOCUMENTED = """
server: {host: 127.0.0.1, port: 8080}
providers:
  openai:
    keys: [{name: main, value: env.OPENAI_API_KEY}, {name: spare, value: env.OPENAI_KEY_2, weight: 0.5}]
  my-vllm: {kind: openai-compatible, base_url: "http://127.0.0.1:8000/v1", keys: [{name: none, value: ""}]}
models:
  chat: {targets: [openai/gpt-4o-mini, my-vllm/qwen]}
cache: {exact: {enabled: true, ttl: 300s}, semantic: {enabled: true, profile: precise}}
"""


def test_the_documented_file_is_read(write):
    config, problems = check(write(DOCUMENTED))
    assert problems == []
    assert config.server.port == 8080
    main, spare = config.providers["openai"].keys
    assert (main.name, main.value.value, main.weight) == ("main", "sk-from-environment-0001", 1.0)
    assert (spare.value.reference, spare.weight) == ("env.OPENAI_KEY_2", 0.5)
    assert config.providers["my-vllm"].keys[0].value.value == ""
    assert [target.pair for target in config.models["chat"].targets] == [
        ("openai", "gpt-4o-mini"),
        ("my-vllm", "qwen"),
    ]
    assert (config.cache.exact.enabled, config.cache.semantic.profile) == (True, "precise")
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("server: {prot: 1}\n", "1:10", "server.prot is not known here; did you mean port?"),
        ("sever: {}\n", "1:1", "sever is not known here; did you mean server?"),
        ("server:\n  port: eighty\n", "2:9", "server.port must be a whole number"),
        ("server: {port: 65536}\n", "1:16", "must be at most 65535"),
        ("server: {auth: on}\n", "1:16", "must be one of 'auto', 'required' or 'off'"),
        ("server: 8080\n", "1:9", "server must hold keys and values"),
        ("server: {tls: {cert: a}}\n", "1:15", "server.tls.key is missing"),
        ("server: {tls: {cert: a, key: b}, door: uvicorn}\n", "1:9", "server has tls, which only the native"),
        ("providers: {openai: {tls: {ca: nowhere.pem}}}\n", "1:32", "tls.ca cannot be read"),
        ("server: {allowed_hosts: ['http://x']}\n", "1:26", "is not a host name"),
        ("server: {allowed_origins: [example.com]}\n", "1:28", "not an http or https URL"),
        ("timeouts: {connect: fast}\n", "1:21", "timeouts.connect is not a duration; write"),
        ("timeouts: {connect: 0}\n", "1:21", "timeouts.connect must be more than 0"),
        ("limits: {json_body: 0B}\n", "1:21", "limits.json_body must be more than 0"),
        ("timeouts: {connect_ms: 5}\n", "1:12", "timeouts.connect_ms is not known here; did you mean c"),
        ("limits: {json_body: 32 megs}\n", "1:21", "limits.json_body is not a size; write"),
        ("limits: {max_connections: 0}\n", "1:27", "must be at least 1"),
        ("log: {level: loud}\n", "1:14", "must be one of 'debug'"),
        ("providers: []\n", "1:12", "providers must hold keys and values"),
        ("providers: {opnai: {}}\n", "1:13", "is not a provider that ships; did you mean openai?"),
        ("providers: {zzz: {}}\n", "1:13", "For a server of your own write kind: openai-compatible"),
        ("providers: {x: {kind: opena}}\n", "1:23", "providers.x.kind is not known; did you mean openai?"),
        ("providers: {x: {kind: [a]}}\n", "1:23", "providers.x.kind must be text"),
        ("providers: {Mine: {kind: vllm}}\n", "1:13", "is not a provider name; use lower-case"),
        ("providers: {openai: {base_url: api.openai.com}}\n", "1:32", "base_url is not an http"),
        ("providers: {openai: {api_version: x}}\n", "1:22", "providers.openai.api_version is not known here"),
        ("providers: {azure: {api_versio: x}}\n", "1:21", "did you mean api_version?"),
        ("providers: {openai: {http2: maybe}}\n", "1:29", "must be one of 'auto' or 'off'"),
        ("providers: {openai: {timeouts: {idel: 5s}}}\n", "1:33", "did you mean idle?"),
        ("providers: {openai: {headers: {host: x}}}\n", "1:31", "'host' is not a header that can be set"),
        ("providers: {openai: {headers: {a: 5}}}\n", "1:35", "providers.openai.headers.a must be text"),
        ("providers: {openai: {keys: sk-1}}\n", "1:28", "providers.openai.keys must be a list"),
        ("providers: {openai: {keys: [{name: a}]}}\n", "1:29", "providers.openai.keys[0].value is missing"),
        ("providers: {openai: {keys: [{valu: a}]}}\n", "1:30", "did you mean value?"),
        ("providers: {openai: {keys: [env.NOPE]}}\n", "1:29", "the environment variable NOPE is not set"),
        ("providers: {openai: {keys: [{value: 12}]}}\n", "1:37", "must be text; write it in quotes"),
        ("providers: {openai: {keys: [{value: a, weight: -1}]}}\n", "1:48", "must be at least 0"),
        ("providers: {openai: {keys: [{value: a, models: []}]}}\n", "1:48", "must have at least one entry"),
        ("providers: {openai: {keys: [{value: a, name: a/b}]}}\n", "1:46", "is not a key name"),
        ("providers: {vllm: {keys: [{value: a, name: k}, {value: b, name: k}]}}\n", "1:48", "a second key"),
        ("models: {chat: {targets: []}}\n", "1:26", "must have at least one entry"),
        ("models: {chat: {}}\n", "1:16", "models.chat.targets is missing"),
        ("models: {chat: [gpt-4o]}\n", "1:17", "must be written provider/model, like openai/gpt-4o-mini"),
        ("models: {chat: [{provider: openai}]}\n", "1:17", "needs a target"),
        ("models: {chat: [{target: openai/x, weight: 0}]}\n", "1:44", "must be greater than 0"),
        ("models: {chat: [{taget: openai/x}]}\n", "1:18", "did you mean target?"),
        ("- a\n", "1:1", "the file must hold keys and values"),
    ],
)  # fmt: skip
def test_a_wrong_file_says_where_and_what_to_write(write, text, place, says):
    config, problems = check(write(text))
    assert config is None
    text = "\n".join(str(problem) for problem in problems)
    assert f"gateway.yaml:{place}: " in text
    assert says in text


def test_all_errors_come_at_once_in_the_order_of_the_file(write):
    path = write(
        "server: {prot: 1}\ntimeouts:\n  idle: x\n"
        "providers:\n  opnai: {}\n  openai: {keys: [env.NOPE]}\nlog: {level: 5}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path, None, ENVIRON, KINDS)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "gateway.yaml:1:10", "gateway.yaml:3:9", "gateway.yaml:5:3", "gateway.yaml:6:19", "gateway.yaml:7:14",
    ]  # fmt: skip


def test_a_file_that_is_not_there_or_not_text(write):
    _, problems = check(Path("absent.yaml"))
    assert "absent.yaml: cannot be read (No such file or directory)" in str(problems[0])
    path = write("")
    path.write_bytes(b"a: \xff")
    _, problems = check(path)
    assert "is not UTF-8 text (byte 3)" in str(problems[0])
    path.write_bytes(b"#" * (2**20 + 1))
    _, problems = check(path)
    assert "larger than 1 MiB" in str(problems[0])


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "\ufeffserver: {}\n", "server:\n", "x-anchors: {a: 1}\n"]
)
def test_an_empty_file_is_a_file_of_defaults(write, text):
    config, problems = check(write(text))
    assert problems == []
    assert (config.server.host, config.server.port, config.timeouts.connect_ms) == ("127.0.0.1", 8080, 10_000)


def test_short_forms(write):
    text = (
        "providers: {openai: {keys: [env.OPENAI_API_KEY, literal]}, groq: }\n"
        "models: {a: openai/x, b: [openai/y]}\n"
    )
    config, problems = check(write(text))
    assert problems == []
    keys = config.providers["openai"].keys
    assert [key.called(index) for index, key in enumerate(keys)] == ["OPENAI_API_KEY", "key-2"]
    assert config.providers["groq"].keys == ()
    assert config.models["a"].targets[0].pair == ("openai", "x")
    assert config.models["b"].targets[0].pair == ("openai", "y")


@pytest.mark.parametrize(
    ("file", "environ", "flag", "port", "said"),
    [
        (None, {}, None, 8080, None),
        (1, {}, None, 1, "gateway.yaml:1:16"),
        (None, {"GATEWAY_PORT": "2"}, None, 2, "GATEWAY_PORT"),
        (None, {}, 3, 3, "--port"),
        (1, {"GATEWAY_PORT": "2"}, None, 2, "GATEWAY_PORT"),
        (1, {}, 3, 3, "--port"),
        (None, {"GATEWAY_PORT": "2"}, 3, 3, "--port"),
        (1, {"GATEWAY_PORT": "2"}, 3, 3, "--port"),
    ],
)
def test_flags_win_over_environment_over_file(write, file, environ, flag, port, said):
    path = write(f"server: {{port: {file}}}\n" if file else "")
    config, problems = check(path, {"server.port": flag}, environ)
    assert problems == []
    assert config.server.port == port
    assert (str(dict(config.places.settings())["server.port"]) if said else None) == said


def test_a_wrong_variable_or_flag_is_named(write):
    _, problems = check(None, {"server.port": -1}, {"GATEWAY_AUTH": "maybe"})
    assert {str(problem) for problem in problems} == {
        "GATEWAY_AUTH: server.auth must be one of 'auto', 'required' or 'off'",
        "--port: server.port must be at least 0",
    }


def test_a_flag_can_bring_a_provider(write):
    config, problems = check(None, {"providers.mock.base_url": "http://127.0.0.1:4000/v1"}, {})
    assert problems == []
    assert config.providers["mock"].base_url == "http://127.0.0.1:4000/v1"
    place = config.places.key(("providers", "mock"))
    assert (place.said, str(place)) == ("flag", "--mock")


def test_a_flag_stands_beside_what_the_file_says_of_the_provider(write):
    path = write("providers: {mock: {timeouts: {idle: 5s}, base_url: 'http://127.0.0.1:1/v1'}}\n")
    config, problems = check(path, {"providers.mock.base_url": "http://127.0.0.1:4000/v1"}, {})
    assert problems == []
    assert config.providers["mock"].base_url == "http://127.0.0.1:4000/v1"
    assert config.providers["mock"].timeouts.idle_ms == 5_000


def test_the_data_folder_of_the_file_is_relative_to_the_file(tmp_path):
    (tmp_path / "gateway.yaml").write_text("server: {data: state}\n")
    config, _ = check(tmp_path / "gateway.yaml")
    assert config.server.data == str(tmp_path / "state")
    config, _ = check(tmp_path / "gateway.yaml", {"server.data": "here"})
    assert config.server.data == "here"


def test_a_secret_file_is_relative_to_the_file(tmp_path):
    (tmp_path / "gateway.yaml").write_text("providers: {openai: {keys: ['file:key']}}\n")
    (tmp_path / "key").write_text("sk-in-a-file\n")
    config, problems = check(tmp_path / "gateway.yaml")
    assert problems == []
    assert config.providers["openai"].keys[0].value.value == "sk-in-a-file"


def test_what_later_versions_read_is_ignored_with_a_warning(write):
    text = "models:\n  chat: {targets: [openai/x], timeouts: {idle: 1s}}\n"
    config, problems = check(write(text))
    assert problems == []
    (timeouts,) = config.warnings
    assert timeouts.startswith(
        "gateway.yaml:2:31: models.chat.timeouts is ignored: this version has timeouts"
    )


def test_no_secret_in_any_text_of_the_configuration(write):
    text = (
        "providers:\n  openai: {keys: [{value: sk-0123456789-SECRET}], "
        "headers: {x-key: SECRET}, query: {k: SECRET}}\n"
    )
    config, problems = check(write(text))
    assert problems == []
    assert config.providers["openai"].headers["x-key"].value == "SECRET"
    assert "SECRET" not in repr(config)
    assert "SECRET" not in str(config)


def test_no_secret_in_an_error(write):
    path = write("providers: {openai: {keys: [{value: [SECRET]}, {value: SECRET, weight: SECRET2}]}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, None, {}, KINDS)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__context__ is None or "SECRET" not in str(caught.value.__context__)


def test_the_file_is_found_by_flag_variable_and_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(None, {}) is None
    Path("gateway.yml").write_text("")
    assert find_config(None, {}) == Path("gateway.yml")
    Path("gateway.yaml").write_text("")
    assert find_config(None, {}) == Path("gateway.yaml")
    assert find_config(None, {"GATEWAY_CONFIG": "other.yaml"}) == Path("other.yaml")
    assert find_config(Path("mine.yaml"), {"GATEWAY_CONFIG": "other.yaml"}) == Path("mine.yaml")
