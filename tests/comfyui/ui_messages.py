"""The messages that ComfyUI sends to its clients while a prompt runs, such as the texts on nodes."""

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any

import aiohttp

from tests.comfyui.server import Server

TEXT = 3  # kind of a binary message


def run_and_listen(server: Server, prompt: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Run a prompt, however it ends, and return its history and the texts by their nodes."""
    return asyncio.run(_listen(server, prompt))


def interrupt_during(server: Server, prompt: Mapping[str, Any], node_id: str) -> dict[str, Any]:
    """Run a prompt, interrupt it once a node reports progress, and return its history."""
    return asyncio.run(_interrupt(server, prompt, node_id))


async def _interrupt(server: Server, prompt: Mapping[str, Any], node_id: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.url}/ws") as socket:
        prompt_id = await asyncio.to_thread(server.post, prompt)
        while _progress(await socket.receive(), node_id) < 2:
            pass
        await asyncio.to_thread(server.ask, "/interrupt", {})
        return await asyncio.to_thread(server.wait, prompt_id)


def _progress(message: Any, node_id: str) -> float:
    """Return the progress of a node, 0 if the message has none."""
    if message.type != aiohttp.WSMsgType.TEXT:
        return 0
    return json.loads(message.data)["data"].get("nodes", {}).get(node_id, {}).get("value", 0)


async def _listen(server: Server, prompt: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.url}/ws") as socket:
        await socket.receive()
        history = await asyncio.to_thread(lambda: server.wait(server.post(prompt)))
        texts: dict[str, str] = {}
        while not _is_end(message := await socket.receive()):
            if message.type == aiohttp.WSMsgType.BINARY and struct.unpack(">I", message.data[:4])[0] == TEXT:
                length = struct.unpack(">I", message.data[4:8])[0]
                texts[message.data[8 : 8 + length].decode()] = message.data[8 + length :].decode()
        return history, texts


def _is_end(message: Any) -> bool:
    """Whether ComfyUI reports an empty queue, which it does when a prompt has ended."""
    if message.type != aiohttp.WSMsgType.TEXT:
        return False
    data = json.loads(message.data)
    return data["type"] == "status" and data["data"]["status"]["exec_info"]["queue_remaining"] == 0
