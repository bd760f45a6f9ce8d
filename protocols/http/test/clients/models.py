# One round of what agents ask models: python models.py SDK BASE TOKEN. Prints one line of JSON.
import json
import sys

sdk, base, token = sys.argv[1:]
messages = [{"role": "user", "content": "hello"}]


def refusal(ask, package):
    """What its own class of errors says of a request that is not let through."""
    try:
        ask(model="forbidden", messages=messages)
        return "nothing was refused"
    except package.APIError as error:
        denied = isinstance(error, package.PermissionDeniedError)
        return [True, denied, error.status_code, error.type, error.body["message"] if sdk == "openai" else error.body["error"]["message"]]


def ask_openai():
    import openai

    client = openai.OpenAI(base_url=base + "/v1", api_key=token)
    question = {"model": "m", "messages": messages}
    listed = [model.id for model in client.models.list()]
    message = client.chat.completions.create(n=2, **question).choices[0].message
    whole = [message.content, message.tool_calls[0].function.arguments]
    deltas = ["", "", ""]
    embedded = None
    used = None
    for chunk in client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **question):
        if chunk.usage:
            used = chunk.usage.total_tokens
        for choice in chunk.choices:
            deltas[choice.index] += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                deltas[2] += call.function.arguments
        # What is left of the stream waits until this was asked.
        if deltas[0] and embedded is None:
            embedded = client.embeddings.create(model="m", input="hello").data[0].embedding
    response = client.responses.create(model="m", input="hello", store=False).output_text
    events = []
    for event in client.responses.create(model="m", input="hello", store=False, stream=True):
        if event.type == "response.output_text.delta":
            events.append(event.delta)
        if event.type == "response.completed":
            events.append(event.response.output_text)
    refused = refusal(client.chat.completions.create, openai)
    return {"listed": listed, "whole": whole, "deltas": deltas, "embedded": embedded, "used": used, "response": response, "events": events, "refused": refused}


def ask_anthropic():
    import anthropic

    client = anthropic.Anthropic(base_url=base, auth_token=token)
    question = {"model": "m", "max_tokens": 100, "messages": messages}
    content = client.messages.create(**question).content
    whole = [content[0].text, content[1].input]
    with client.messages.stream(**question) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()
    streamed = [texts, final.content[1].input, final.usage.output_tokens]
    refused = refusal(lambda **body: client.messages.create(max_tokens=1, **body), anthropic)
    return {"whole": whole, "streamed": streamed, "refused": refused}


print(json.dumps(ask_openai() if sdk == "openai" else ask_anthropic()))
