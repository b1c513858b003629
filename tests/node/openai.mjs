// openai-node: its runner of tools, its stream helper and its parser, against the server at argv[2]. An assertion that
// fails, or a client that throws, ends the process with 1 and says which test it was.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { run } from "./run.mjs";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "none", maxRetries: 0 });
const chat = client.chat.completions;
const messages = [{ role: "user", content: "hello big world" }];
const parameters = {
  type: "object",
  properties: { city: { type: "string", maxLength: 12 }, unit: { type: "string", enum: ["celsius", "fahrenheit"] } },
  required: ["city", "unit"],
  additionalProperties: false,
};

/** A tool for the runner that notes what it is called with. */
function weather(seen, name = "get_weather") {
  const parse = JSON.parse;
  const answer = (input) => (seen.push(input), "17 degrees");
  return { type: "function", function: { name, parameters, parse, function: answer } };
}

/** Whether the embedded model's weights are here. */
async function embedded() {
  return (await client.models.list()).data.some((model) => model.id === "smollm2");
}

await run({
  async "the runner calls a tool and gets its answer"() {
    const seen = [];
    const runner = chat.runTools({ model: "scripted", messages, tools: [weather(seen)] });
    assert.equal(await runner.finalContent(), "17 degrees");
    assert.deepEqual(Object.keys(seen[0]), ["city", "unit"]);
    assert.ok(parameters.properties.unit.enum.includes(seen[0].unit));
    assert.deepEqual(runner.messages.map((message) => message.role), ["user", "assistant", "tool", "assistant"]);
  },

  async "the streaming runner, two calls in one turn"() {
    const seen = [];
    const tools = [weather(seen), weather(seen, "get_more")];
    const runner = chat.runTools({ model: "scripted:calls=2", messages, tools, stream: true });
    assert.equal(await runner.finalContent(), "17 degrees 17 degrees");
    assert.equal(seen.length, 2);
    assert.equal(runner.allChatCompletions().length, 2);
  },

  async "the stream helper puts tool calls together"() {
    const stream = chat.stream({ model: "scripted:calls=2", messages, tools: [{ type: "function", function: { name: "f", parameters } }] });
    const { choices } = await stream.finalChatCompletion();
    assert.equal(choices[0].finish_reason, "tool_calls");
    assert.equal(choices[0].message.role, "assistant");
    assert.equal(choices[0].message.tool_calls.length, 2);
    for (const call of choices[0].message.tool_calls) {
      assert.equal(call.type, "function");
      assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
    }
  },

  async "the stream helper, words of three choices"() {
    const stream = chat.stream({ model: "scripted:delay=1ms", messages, n: 3, stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    assert.deepEqual(final.choices.map((choice) => choice.message.content), Array(3).fill("hello big world"));
    assert.deepEqual(final.choices.map((choice) => choice.finish_reason), Array(3).fill("stop"));
    assert.equal((await stream.totalUsage()).completion_tokens, 9);
  },

  async "parse with a zod schema, whole and streamed"() {
    const Answer = z.object({ steps: z.array(z.object({ text: z.string() })), unit: z.enum(["c", "f"]), score: z.number().nullable() });
    const response_format = zodResponseFormat(Answer, "answer");
    const whole = await chat.parse({ model: "scripted", messages, response_format });
    Answer.parse(whole.choices[0].message.parsed);
    const streamed = await chat.stream({ model: "scripted", messages, response_format }).finalChatCompletion();
    assert.deepEqual(streamed.choices[0].message.parsed, whole.choices[0].message.parsed);
  },

  async "logprobs are kept by the stream helper"() {
    const stream = chat.stream({ model: "scripted", messages, logprobs: true, top_logprobs: 2 });
    const { logprobs } = (await stream.finalChatCompletion()).choices[0];
    assert.deepEqual(logprobs.content.map((entry) => entry.token), ["hello", " big", " world"]);
  },

  async "pings before the first word"() {
    const stream = chat.stream({ model: "scripted:silence=120ms", messages });
    assert.equal(await stream.finalContent(), "hello big world");
  },

  async "the embedded model: parse, and a call that fits its tool"() {
    if (!(await embedded())) return;
    const Answer = z.object({ unit: z.enum(["c", "f"]), sure: z.boolean() });
    const response_format = zodResponseFormat(Answer, "answer");
    const { choices } = await chat.parse({ model: "smollm2", messages, response_format, max_tokens: 40 });
    Answer.parse(choices[0].message.parsed);
    const seen = [];
    const options = { model: "smollm2", messages, tools: [weather(seen)], tool_choice: "required", max_tokens: 60 };
    const stream = chat.stream({ ...options, temperature: 0 });
    const [call] = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
    assert.ok(parameters.properties.unit.enum.includes(JSON.parse(call.function.arguments).unit));
  },

  async "an error in the middle of a stream is thrown"() {
    const stream = chat.stream({ model: "scripted:tokens=9,cut=3,delay=5ms", messages });
    await assert.rejects(stream.finalChatCompletion(), (error) => error.code === "provider_not_working");
  },

  async "an error before it has its class"() {
    await assert.rejects(chat.create({ model: "scripted:error=429", messages }), OpenAI.RateLimitError);
    const bad = chat.create({ model: "scripted", messages, tool_choice: "required" });
    await assert.rejects(bad, (error) => error instanceof OpenAI.BadRequestError && error.param === "tool_choice");
  },
});
