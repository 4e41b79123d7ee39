import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmark.contracts.vocabulary import SUSPICION
from benchmark.errors import BenchError, InputError
from clip_nodule.text.gemini import Asking, Usage, estimated_cost, gemini_texts, make_prompts, read_cache
from tests.clip_nodule.text.test_report_text import random_nodules

pytest.importorskip("google.genai")

ANSWER = "**Findings:**\n- The nodule is solid.\n\n**Impression:**\nA solid nodule."


@pytest.fixture
def server(monkeypatch):
    """A local server that speaks the API's generateContent; ``script`` holds status codes to answer with first."""
    requests, script = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append((self.path, self.headers.get("x-goog-api-key"), body))
            status = script.pop(0) if script else 200
            if status == 200:
                answer = {"candidates": [{"content": {"role": "model", "parts": [{"text": ANSWER}]}}]}
            else:
                answer = {"error": {"code": status, "message": f"scripted {status}", "status": "X"}}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("GEMINI_API_KEY", "test-key")
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    http.requests, http.script, http.url = requests, script, f"http://127.0.0.1:{http.server_port}"
    yield http
    http.shutdown()
    thread.join()
    http.server_close()


def ask(server, nodules, tmp_path, **options):
    own = {name: options.pop(name) for name in ("requests_a_minute", "attempts") if name in options}
    asking = Asking(
        "gemini-test", tmp_path / "cache.jsonl", base_url=server.url, **{"requests_a_minute": 6e5, **own}
    )
    return gemini_texts(nodules, asking, **{"sleep": lambda _: None, **options})


def test_reports_come_from_the_api_and_then_from_the_cache(server, tmp_path):
    nodules = random_nodules(4)
    first, usage = ask(server, nodules, tmp_path), Usage()
    assert len(server.requests) == 4
    path, key, body = server.requests[0]
    assert path.endswith("models/gemini-test:generateContent")
    assert key == "test-key"
    assert "Features:" in body["contents"][0]["parts"][0]["text"]
    assert first["findings"].tolist() == ["The nodule is solid."] * 4
    assert first["impression"].tolist() == ["A solid nodule."] * 4
    again = ask(server, nodules, tmp_path, usage=usage)
    assert len(server.requests) == 4
    assert (usage.cached, usage.asked) == (4, 0)
    assert again.equals(first)


def test_busy_answers_are_retried_with_growing_waits(server, tmp_path):
    server.script += [429, 503, 500]
    usage = Usage()
    ask(server, random_nodules(2).iloc[:1], tmp_path, usage=usage)
    assert len(usage.waits) == 3
    assert usage.waits[2] > usage.waits[0]


def test_a_run_that_stops_goes_on_where_it_stopped(server, tmp_path):
    nodules = random_nodules(4)
    server.script += [200, 200, *[503] * 3]
    with pytest.raises(BenchError, match="kept in the cache"):
        ask(server, nodules, tmp_path, attempts=3)
    assert len(read_cache(tmp_path / "cache.jsonl")) == 2
    with (tmp_path / "cache.jsonl").open("a") as stream:
        stream.write('{"key": "torn')
    usage = Usage()
    ask(server, nodules, tmp_path, usage=usage)
    assert (usage.cached, usage.asked) == (2, 2)
    assert len(read_cache(tmp_path / "cache.jsonl")) == 4


def test_a_refused_key_ends_the_run_at_once(server, tmp_path):
    server.script += [403]
    with pytest.raises(InputError, match="403"):
        ask(server, random_nodules(2), tmp_path)
    assert len(server.requests) == 1


def test_another_prompt_or_feature_is_another_entry(server, tmp_path):
    nodules = random_nodules(2, missing=0.0)
    ask(server, nodules, tmp_path)
    ask(server, nodules, tmp_path, seed=1)
    ask(server, nodules.assign(necrosis="Present" if nodules["necrosis"][0] == "Absent" else "Absent"), tmp_path)
    # The seed changes both prompts; the new feature at least one of them.
    assert len(server.requests) >= 5


def test_the_rate_limit_spaces_requests(server, tmp_path):
    waited = []
    ask(server, random_nodules(4), tmp_path, requests_a_minute=60, sleep=waited.append)
    assert len(waited) == 3
    assert all(0.5 < wait <= 1.0 for wait in waited)


def test_no_key_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with pytest.raises(InputError, match="GEMINI_API_KEY"):
        gemini_texts(random_nodules(2), Asking(cache=tmp_path / "c.jsonl"))


def test_no_network_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    with pytest.raises(BenchError, match="check the network"):
        # Port 9 (discard) of this machine: nothing listens there.
        gemini_texts(
            random_nodules(2),
            Asking(cache=tmp_path / "c.jsonl", base_url="http://127.0.0.1:9", attempts=2),
            sleep=lambda _: None,
        )


def test_prompts_hold_no_id_outcome_or_suspicion():
    nodules = random_nodules(10).assign(malignant="1", diagnosis="canary", pid="canary")
    nodules[SUSPICION] = "Moderately High"
    for prompt in make_prompts(nodules):
        assert "canary" not in prompt
        assert "suspic" not in prompt.lower()
        assert "moderately" not in prompt.lower()
    assert all("Moderately High" in prompt for prompt in make_prompts(nodules, with_suspicion=True))


def test_cost_is_stated_or_said_to_be_unknown():
    # 1000 characters are about 250 tokens in; 2 answers of 260 tokens out.
    assert "about 250 tokens in and 520 out" in estimated_cost(["x" * 500] * 2)
    assert "not known" in estimated_cost(["x"], "another-model")


def test_a_broken_cache_line_is_named(tmp_path):
    (tmp_path / "c.jsonl").write_text('nonsense\n{"key": "a", "text": "b"}\n')
    with pytest.raises(InputError, match=":1"):
        read_cache(tmp_path / "c.jsonl")


def test_a_prompt_without_a_place_for_the_features_is_refused():
    with pytest.raises(InputError, match=r"\{features\}"):
        make_prompts(random_nodules(2), prompt="Write a report.")
