"""What the README has people type, typed."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.api.told import KEY, Api
from tests.told import until

README = Path(__file__).parents[2] / "README.md"


async def test_the_calls_work_as_they_are_pasted(api: Api, tmp_path: Path) -> None:
    calls = README.read_text().partition("```bash\n")[2].partition("```")[0]
    here = str(api.make_url("/")).removesuffix("/")
    (tmp_path / "data" / "api-key").write_text(KEY)
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-eu", "-c", calls.replace("http://127.0.0.1:5001", here)),
        cwd=tmp_path,
        stdout=PIPE,
        stderr=PIPE,
    )
    assert shell.stdout is not None

    async with asyncio.timeout(20):
        await until(lambda: api.manager.runs)
        [account_id] = api.manager.runs
        await api.show_qr(account_id)
        await shell.stdout.readuntil("▀".encode())
        run = await api.link(account_id)
        output, errors = await shell.communicate()

    assert (shell.returncode, errors) == (0, b"")
    assert run.sent == [("491700000001", "Hello")]
    assert b'"cause": "user_connect"' in output
