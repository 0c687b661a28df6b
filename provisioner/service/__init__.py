"""What a person may ask for, as functions that return data; the faces only print it."""
