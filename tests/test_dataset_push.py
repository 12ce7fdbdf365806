"""A built dataset is pushed to the Hub with its card, and loads and streams from there by its name."""

import json
import os
import subprocess
import sys
from pathlib import Path

from hub_stand_in import TOKEN, USER, HubStandIn
from huggingface_hub import HfApi

from genelm.dataset_scripts import load_split

# In a process of its own: the addresses of the Hub are read when its client is imported.
PUSH_AND_LOAD = """
import json, sys
from datasets import load_dataset
from huggingface_hub import upload_folder

folder, user = sys.argv[1:]
load_dataset(folder).push_to_hub(f"{user}/pushed")
upload_folder(repo_id=f"{user}/uploaded", folder_path=folder, repo_type="dataset")
seen = {}
for name in ("pushed", "uploaded"):
    loaded = load_dataset(f"{user}/{name}", split="test").to_list()
    streamed = list(load_dataset(f"{user}/{name}", split="test", streaming=True))
    assert loaded == streamed, name
    seen[name] = loaded
print(json.dumps(seen))
"""


def test_a_dataset_is_pushed_and_loads_and_streams_by_its_name(small_dataset: Path, tmp_path: Path) -> None:
    with HubStandIn() as hub:
        environment = {
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
        }
        HfApi(hub.url, token=TOKEN).create_repo(f"{USER}/uploaded", repo_type="dataset")
        command = [sys.executable, "-c", PUSH_AND_LOAD, str(small_dataset), USER]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout.splitlines()[-1])
        expected = load_split(small_dataset, "test").to_list()
        assert seen == {"pushed": expected, "uploaded": expected}
        assert {"manifest.json", "leakage.json", "leakage.png"} <= set(hub.files(f"{USER}/uploaded"))
