"""The speaker encoder: CAM++, our own module or the release's ONNX file."""

from glmtts.stages import register

register("campplus", config="glmtts.speaker.campplus:CampPlusConfig", model="glmtts.speaker.campplus:CampPlus")
register("campplus_onnx", config="glmtts.speaker.onnx:OnnxSpeakerConfig", model="glmtts.speaker.onnx:OnnxSpeaker")
