"""Published faulty Keras programs, written anew from their descriptions, each with its corrected version."""
