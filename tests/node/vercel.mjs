// The Vercel AI SDK with its provider for compatible servers, against the server at argv[2]. Its zod schemas refuse
// what other clients let pass: arguments that are no string, a stream without a finish_reason.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";
import { run } from "./run.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const server = createOpenAICompatible({
  name: "g4f-proto",
  baseURL: `${process.argv[2]}/v1`,
  apiKey: "none",
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const prompt = "hello big world";
const Answer = z.object({ steps: z.array(z.object({ text: z.string() })), unit: z.enum(["c", "f"]), score: z.number().nullable() });
const options = { prompt, maxRetries: 0 };

/** A tool that notes what it is called with. */
function weather(seen) {
  const inputSchema = z.object({ city: z.string(), unit: z.enum(["celsius", "fahrenheit"]) });
  return tool({ inputSchema, execute: async (input) => (seen.push(input), "17 degrees") });
}

await run({
  async "generateObject"() {
    const { object, finishReason, usage } = await generateObject({ ...options, model: server("scripted"), schema: Answer });
    assert.equal(finishReason, "stop");
    assert.equal(Answer.parse(object).unit, "c");
    assert.equal(usage.inputTokens, 3);
  },

  async "generateObject without a schema"() {
    const { object } = await generateObject({ ...options, model: server("scripted"), output: "no-schema" });
    assert.deepEqual(object, { message: prompt });
  },

  async "streamObject"() {
    const result = streamObject({ ...options, model: server("scripted"), schema: Answer });
    let partial = 0;
    for await (const _ of result.partialObjectStream) partial += 1;
    assert.ok(partial > 1);
    Answer.parse(await result.object);
  },

  async "streamText with tools, two steps"() {
    const seen = [];
    const tools = { get_weather: weather(seen) };
    const result = streamText({ ...options, model: server("scripted"), tools, stopWhen: stepCountIs(3) });
    const types = [];
    for await (const part of result.fullStream) types.push(part.type);
    assert.ok(!types.includes("error"));
    assert.ok(types.includes("tool-input-delta"));
    assert.equal(await result.text, '17 degrees');
    assert.equal(seen.length, 1);
    const steps = await result.steps;
    assert.deepEqual(steps.map((step) => step.finishReason), ["tool-calls", "stop"]);
    assert.ok((await result.totalUsage).totalTokens > 0);
  },

  async "streamText with two calls in one step"() {
    const seen = [];
    const tools = { get_weather: weather(seen), get_more: weather(seen) };
    const result = streamText({ ...options, model: server("scripted:calls=2"), tools, stopWhen: stepCountIs(3) });
    await result.consumeStream();
    assert.equal(await result.text, "17 degrees 17 degrees");
    assert.equal(seen.length, 2);
  },

  async "generateText with a named tool"() {
    const tools = { get_weather: weather([]), get_more: weather([]) };
    const toolChoice = { type: "tool", toolName: "get_more" };
    const { toolCalls, finishReason } = await generateText({ ...options, model: server("scripted"), tools, toolChoice });
    assert.deepEqual(toolCalls.map((call) => call.toolName), ["get_more"]);
    assert.equal(finishReason, "tool-calls");
  },

  async "thoughts, whole and streamed"() {
    const model = server("scripted:reasoning=3");
    const whole = await generateText({ ...options, model });
    assert.equal(whole.reasoningText, "thinking about it");
    assert.equal(whole.text, prompt);
    const streamed = streamText({ ...options, model });
    await streamed.consumeStream();
    assert.equal(await streamed.reasoningText, "thinking about it");
    assert.equal(await streamed.text, prompt);
  },

  async "an image"() {
    const image = "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAEElEQVR4nGP8zwAFTDAGAwATKQED8NgHhAAAAABJRU5ErkJggg==";
    const content = [{ type: "text", text: "What is this?" }, { type: "image", image, mediaType: "image/png" }];
    const { text } = await generateText({ model: server("scripted"), messages: [{ role: "user", content }], maxRetries: 0 });
    assert.match(text, /PNG.*3 x 2/);
  },

  async "pings before the first word"() {
    const result = streamText({ ...options, model: server("scripted:silence=120ms") });
    await result.consumeStream();
    assert.equal(await result.text, prompt);
  },

  async "the embedded model: generateObject, and streamText with a tool"() {
    const { data } = await (await fetch(`${process.argv[2]}/v1/models`)).json();
    if (!data.some((model) => model.id === "smollm2")) return;
    const model = server("smollm2");
    const schema = z.object({ unit: z.enum(["c", "f"]), sure: z.boolean() });
    schema.parse((await generateObject({ ...options, model, schema, maxOutputTokens: 40 })).object);
    const tools = { get_mood: tool({ inputSchema: z.object({ mood: z.enum(["good", "bad"]) }), execute: async () => "noted" }) };
    const result = streamText({ ...options, model, tools, toolChoice: "required", temperature: 0, maxOutputTokens: 40 });
    await result.consumeStream();
    const [call] = await result.toolCalls;
    assert.ok(["good", "bad"].includes(call.input.mood));
    assert.equal(await result.finishReason, "tool-calls");
  },

  async "an error in the middle of a stream"() {
    const errors = [];
    const onError = ({ error }) => errors.push(error);
    const model = server("scripted:tokens=9,cut=3,delay=5ms");
    const result = streamText({ ...options, model, onError });
    await result.consumeStream();
    assert.equal(errors.length, 1);
  },
});
