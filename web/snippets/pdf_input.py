with open("document.pdf", "rb") as document:
    uploaded = client.files.create(file=document, purpose="user_data")
response = client.responses.create(
    model="gpt-5.4-mini",
    input=[{
        "role": "user",
        "content": [
            {"type": "input_file", "file_id": uploaded.id},
            {"type": "input_text", "text": "Summarize this PDF."},
        ],
    }],
)
print(response.output_text)
